import { DockformError } from "../../errors.ts";
import { formatBytes, formatCount, formatDuration } from "../../format.ts";
import type { Aspect } from "../../helper/message-groups.ts";
import { volumeToRestore } from "../../restore/create.ts";
import type { RootChoice } from "../../archive/reshape.ts";
import type { RestoreReport } from "../../restore/request.ts";
import { restoreVolume } from "../../restore/restore.ts";
import { leftOutText } from "../../restore/without.ts";
import { containerLine, containerToJson, throwIfDown } from "../container-outcome.ts";
import { typedPath } from "../typed-path.ts";
import type { DocumentOf } from "../documents/documents.ts";
import type { Session } from "../session.ts";
import type { VolumeRestoreOptions } from "../spec/volume.ts";

export async function volumeRestore(
  session: Session,
  reference: string,
  snapshot: string,
  { healthTimeout, path: paths, without, ...options }: VolumeRestoreOptions,
): Promise<void> {
  refuseToKeepPart(paths, options);
  refuseBoth(without, options);
  using workspace = await session.openWorkspace();
  const target = await workspace.target(reference);
  const { commandLine: command } = session;
  await volumeToRestore({ target, command, ...options }, session.tools);
  const named = `${target.context}/${target.volume}`;
  const { store, archivePath } = await workspace.catalog().find(snapshot, named);
  const report = await restoreVolume(
    {
      target,
      store,
      archivePath,
      command,
      ...options,
      without: new Set(without),
      fromVolume: options.fromVolume,
      root: rootChoice(options),
      paths: paths.map(typedPath),
      healthTimeoutMs: healthTimeout,
    },
    session.tools,
  );
  session.result<"volume restore">(toJson(report), toText(report, session));
  throwIfDown(report.containers, `volume "${report.volume}" was restored`);
}

/** The two flags do not go together. */
function rootChoice({
  stripComponents,
  from,
}: Pick<VolumeRestoreOptions, "stripComponents" | "from">): RootChoice | undefined {
  if (stripComponents !== undefined) return { kind: "strip", components: stripComponents };
  return from === undefined ? undefined : { kind: "from", path: typedPath(from) };
}

/** What is kept is a volume's whole contents, and so is what --in-place clears. */
function refuseToKeepPart(
  paths: readonly string[],
  {
    keepPrevious,
    keepFailed,
    inPlace,
  }: Omit<VolumeRestoreOptions, "path" | "healthTimeout" | "without">,
): void {
  if (paths.length === 0 || !(keepPrevious || keepFailed || inPlace)) return;
  throw new DockformError(
    "command.options-conflict",
    "--path does not go together with --keep-previous, --keep-failed and --in-place",
    { hint: "Take a snapshot first if you may want back what --path replaces." },
  );
}

function refuseBoth(
  without: readonly Aspect[],
  { strictAttributes }: Pick<VolumeRestoreOptions, "strictAttributes">,
): void {
  if (!strictAttributes || !without.includes("attributes")) return;
  throw new DockformError(
    "command.options-conflict",
    "--strict-attributes excludes --without attributes",
    {
      hint: "Choose one.",
    },
  );
}

function toText(report: RestoreReport, session: Session): string {
  const { context, volume, entries, tarBytes, durations, checkedBy } = report;
  const size = `${formatCount(entries, "entry", "entries")}, ${formatBytes(tarBytes)} as tar`;
  const check = checkedBy === "checksum" ? "checksum verified" : "archive read to its end";
  if (report.dryRun) {
    return `Dry run: ${session.displayPath(report.archivePath)} (${size}; ${check}) can be restored into ${context}/${volume}${report.createdVolume ? ", which would be created" : ""}. Nothing was changed.`;
  }
  const steps = [
    [`${check}, all checks made`, durations.checkMs],
    ["extracted", durations.extractMs],
    ["swapped", durations.swapMs],
    [report.keptPrevious ? "old contents kept" : "cleaned up", durations.removeOldMs],
  ] as const;
  return [
    `Restored ${context}/${volume}: ${size}, ${formatDuration(durations.totalMs)}`,
    `  from ${session.displayPath(report.archivePath)}`,
    ...steps.map(([step, ms]) => `  ${step} in ${formatDuration(ms)}`),
    ...(report.outsideEntries === 0
      ? []
      : [
          `  ${formatCount(report.outsideEntries, "entry", "entries")} of the archive left out: outside the folder`,
        ]),
    ...report.leftOut.map((group) => `  ${leftOutText(group)}`),
    ...report.containers.map(containerLine),
    ...(report.keptPrevious ? [`To go back: dockform volume undo ${volume}`] : []),
  ].join("\n");
}

function toJson(report: RestoreReport): DocumentOf<"volume restore"> {
  return {
    context: report.context,
    volume: report.volume,
    archive: report.archivePath,
    dry_run: report.dryRun,
    uncompressed_bytes: report.tarBytes,
    entry_count: report.entries,
    checked_by: report.checkedBy,
    outside_entries: report.outsideEntries,
    created_volume: report.createdVolume,
    kept_previous: report.keptPrevious,
    left_out: report.leftOut.map(({ aspect, attribute, what, count, files }) => ({
      aspect,
      ...(attribute === undefined ? {} : { attribute }),
      what,
      count,
      files,
    })),
    containers: report.containers.map(containerToJson),
    durations: {
      check_ms: report.durations.checkMs,
      extract_ms: report.durations.extractMs,
      swap_ms: report.durations.swapMs,
      watch_ms: report.durations.watchMs,
      remove_old_ms: report.durations.removeOldMs,
      total_ms: report.durations.totalMs,
    },
  };
}
