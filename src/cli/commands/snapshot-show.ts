import {
  formatAge,
  formatBytes,
  formatCount,
  formatDuration,
  formatNumber,
  formatTime,
} from "../../format.ts";
import { knowsSizes, storedChecksum, type Sidecar } from "../../snapshot/sidecar.ts";
import { assuranceOf } from "../../snapshot/assurance.ts";
import { problemOf } from "../../store/problem.ts";
import { Archive } from "../../archive/archive.ts";
import { table } from "../output/table.ts";
import type { Session } from "../session.ts";
import type { SnapshotShowOptions } from "../spec/snapshot.ts";

export async function snapshotShow(
  session: Session,
  reference: string,
  options: SnapshotShowOptions,
): Promise<void> {
  using workspace = await session.openWorkspace(options);
  const catalog = workspace.catalog();
  await using archive = await Archive.open(await catalog.find(reference));
  const sidecar = await archive.sidecar();
  session.result<"snapshot show">(
    {
      archive: archive.path,
      stored_bytes: archive.storedBytes,
      problem: problemIn(archive, sidecar) ?? null,
      sidecar: sidecar ?? null,
    },
    toText(archive, sidecar, session),
  );
}

function problemIn({ storedBytes }: Archive, sidecar: Sidecar | undefined): string | undefined {
  return sidecar && problemOf(sidecar, storedBytes);
}

type Row = readonly [label: string, value: string];

function toText(
  archive: Archive,
  sidecar: Sidecar | undefined,
  session: Session,
): readonly string[] {
  const data: Row[] = [
    ["data", `${session.displayPath(archive.path)}, ${formatBytes(archive.storedBytes)}`],
  ];
  const rows =
    sidecar === undefined
      ? [...data, ["sidecar", "none: only the data itself is known"] as const]
      : [...data, ...known(archive, sidecar, session), ...unknown(sidecar)];
  const cells = rows.map(([label, value]) => [session.paint("bold", label), value]);
  return table(cells, { columns: session.columns, names: [0], wraps: true });
}

/** Of the original's snapshots of files in use. */
const UNKNOWN = "unknown; snapshot verify counts them";

/** What this version knows, in the order in which people ask for it. */
function known(archive: Archive, sidecar: Sidecar, session: Session): readonly Row[] {
  const { engine, durations, containers = [], warnings = [], driver_opts: driverOptions } = sidecar;
  const entryCount = sidecar.entry_count;
  const problem = problemIn(archive, sidecar);
  const { verifiedAt, provenAt, unhealthyAt } = assuranceOf(sidecar, problem);
  return [
    [
      "volume",
      sidecar.context === undefined
        ? sidecar.volume_name
        : `${sidecar.context}/${sidecar.volume_name}`,
    ],
    ["taken", withAge(sidecar.created_at, session)],
    ...optional("note", sidecar.notes),
    ...optional("problem", problem && session.paint("red", problem)),
    ["verified", foundOut(verifiedAt, session) ?? "never"],
    ...optional("unhealthy", foundOut(unhealthyAt, session)),
    ...optional("purpose", sidecar.purpose),
    ...optional("unchanged", sidecar.unchanged_at && withAge(sidecar.unchanged_at, session)),
    ...optional("proven", foundOut(provenAt, session)),
    ...optional("proven by", provenAt && sidecar.proven_by),
    ["files", knowsSizes(sidecar) ? formatCount(sidecar.file_count, "file") : UNKNOWN],
    ...optional("entries", entryCount === undefined ? undefined : formatNumber(entryCount)),
    ["as tar", knowsSizes(sidecar) ? formatBytes(sidecar.uncompressed_bytes) : UNKNOWN],
    ["sha256", storedChecksum(sidecar, archive.format) ?? "none"],
    ["driver", `${sidecar.driver}${pairs(driverOptions ?? {})}`],
    ["labels", pairs(sidecar.labels ?? {}).trim() || "none"],
    ["spec hash", sidecar.spec_hash],
    ...optional("consistency", sidecar.consistency),
    ...containers.map(({ name, image, state, read_write: readWrite }): Row => [
      "container",
      `${name} (${image}), ${state}, ${readWrite ? "could write" : "read-only"}`,
    ]),
    ...warnings.map((warning): Row => ["warning", session.paint("yellow", warning)]),
    ...optional("took", durations && duration(durations)),
    ...optional("engine", engine && `${engine.version}, ${engine.id}`),
    ["written by", `dockform ${sidecar.dockform_version}`],
  ];
}

const KNOWN = new Set(
  "dockform_version created_at volume_name spec_hash driver driver_opts labels uncompressed_bytes file_count checksum notes format_version stored_bytes entry_count verified_at context engine consistency warnings containers durations unchanged_at proven_at proven_by damaged_at unhealthy_at purpose".split(
    " ",
  ),
);

/** What another version wrote, or what is of use to programs alone. */
function unknown(sidecar: Sidecar): readonly Row[] {
  return Object.entries(sidecar)
    .filter(([field]) => !KNOWN.has(field))
    .map(([field, value]): Row => [field, JSON.stringify(value)]);
}

function optional(label: string, value: string | undefined): readonly Row[] {
  return value === undefined || value === "" ? [] : [[label, value]];
}

function withAge(time: string, session: Session): string {
  return `${session.timeText(time)}, ${formatAge(session.io.now().getTime() - new Date(time).getTime())} ago`;
}

function foundOut(at: Date | undefined, session: Session): string | undefined {
  return at && withAge(formatTime(at), session);
}

function pairs(record: Readonly<Record<string, string>>): string {
  const texts = Object.entries(record).map(([key, value]) => `${key}=${value}`);
  return texts.length === 0 ? "" : ` ${texts.join(", ")}`;
}

function duration({
  total_ms: totalMs,
  downtime_ms: downMs,
}: NonNullable<Sidecar["durations"]>): string {
  const down = downMs === 0 ? "" : `, containers down for ${formatDuration(downMs)}`;
  return `${formatDuration(totalMs)}${down}`;
}
