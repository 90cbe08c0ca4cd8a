import { withSignal } from "../../abort.ts";
import { listContainers } from "../../engine/containers.ts";
import { listVolumes } from "../../engine/volumes.ts";
import { engineInfo } from "../../engine/system.ts";
import { DockformError, messageOf } from "../../errors.ts";
import { formatBytes, formatCount } from "../../format.ts";
import { preparedHelperImage } from "../../helper/image.ts";
import {
  describeOperation,
  interruptionIn,
  ofVolume,
  readJournal,
} from "../../journal/operation.ts";
import { wantsAttention } from "../../snapshot/freshness.ts";
import { asideAdvice, asideText, findAside } from "../../lock/aside.ts";
import { findLeftovers, leftoverAdvice } from "../../lock/leftover.ts";
import type { Tools } from "../../tools.ts";
import { findTrials, isThrowAway } from "../../drill/throwaway.ts";
import { declaredFreshness, type DeclaredFreshness } from "../../app/freshness.ts";
import { checkFreshness, freshnessRemark } from "../freshness-view.ts";
import type { CliIo } from "../io.ts";
import { table } from "../output/terminal.ts";
import type { Session } from "../session.ts";
import type { DoctorOptions } from "../spec/diagnostic.ts";
import type { Workspace, WorkspaceContext } from "../../app/workspace.ts";

/** One thing that was looked at. */
interface Finding {
  readonly check: string;
  readonly status: "ok" | "warning" | "failed";
  readonly found: string;
  /** What to do about it, where there is something to do. */
  readonly advice: string | undefined;
  readonly error?: DockformError;
}

/** Below this a snapshot of anything but a small volume is likely to fail. */
const LOW_SPACE_BYTES = 1e9;

export async function doctor(session: Session, options: DoctorOptions): Promise<void> {
  const { findings, workspace: opened } = await checkManifest(session);
  using workspace = opened;
  if (workspace !== undefined) {
    findings.push(...(await checkContexts(workspace, session)));
  }
  const freshness = workspace === undefined ? [] : await freshnessOfAll(workspace, session);
  findings.push(...freshnessFindings(freshness));
  const checks = findings.map(({ check, status, found, advice }) => ({
    check,
    status,
    found,
    advice,
  }));
  session.result({ checks }, toText(findings, session));
  const failed = findings.filter(({ status }) => status === "failed");
  if (failed.length === 0) {
    if (options.check) checkFreshness(freshness);
    return;
  }
  // The code, and with it the exit code, is that of what failed first.
  const code = failed[0]?.error?.code ?? "doctor.failed";
  throw new DockformError(code, `${formatCount(failed.length, "check")} failed`, {
    hint: "Follow the advice above, then run `dockform doctor` again.",
  });
}

async function checkManifest(
  session: Session,
): Promise<{ findings: Finding[]; workspace: Workspace | undefined }> {
  try {
    const workspace = await session.openWorkspace();
    const { file } = workspace;
    const findings: Finding[] =
      file === undefined
        ? [warning("manifest", "none in this folder", "Run `dockform init` to write one.")]
        : [ok("manifest", `${file.path} is valid`)];
    return { findings, workspace };
  } catch (error) {
    return { findings: [failure("manifest", error)], workspace: undefined };
  }
}

async function checkContexts(workspace: Workspace, session: Session): Promise<readonly Finding[]> {
  try {
    const contexts = await workspace.contexts();
    const checks = contexts.map((context) => checkContext(context, workspace, session));
    return (await Promise.all(checks)).flat();
  } catch (error) {
    return [failure("context", error)];
  }
}

async function checkContext(
  context: WorkspaceContext,
  workspace: Workspace,
  { io, tools }: Session,
): Promise<readonly Finding[]> {
  const { signal } = io;
  const findings = [ok(`context ${context.name}`, context.engine.endpoint.host)];
  try {
    const api = await withSignal(context.engine.apiVersion(), signal);
    const info = await engineInfo(context.engine, signal);
    findings.push(
      ok("engine", `${info.serverVersion} on ${info.operatingSystem} ${info.architecture}`),
      ok("API version", api),
      await checkHelperImage(context, workspace),
      ...(await checkOperations(context, signal)),
      ...(await checkTrials(context, io)),
      ...(await checkLeftovers(context, tools)),
      ...(await checkAside(context, tools)),
    );
  } catch (error) {
    findings.push(failure("engine", error));
  }
  return [...findings, await checkSpace(context)];
}

async function freshnessOfAll(
  workspace: Workspace,
  { io: { now } }: Session,
): Promise<readonly DeclaredFreshness[]> {
  // A context that cannot be found has its own finding.
  const contexts = await workspace.contexts().catch(() => []);
  return contexts.length === 0 ? [] : declaredFreshness(workspace, now());
}

/** A line for each volume that wants attention, and one for all the others. */
function freshnessFindings(volumes: readonly DeclaredFreshness[]): readonly Finding[] {
  if (volumes.length === 0) return [];
  const wanting = volumes.filter(({ state }) => wantsAttention(state));
  const others = formatCount(volumes.length - wanting.length, "declared volume");
  return [
    ok("snapshots", `fresh, or none needed: ${others} of ${volumes.length}`),
    ...wanting.map((each) =>
      warning(
        `snapshots of ${each.volume}`,
        freshnessRemark(each),
        `Run \`dockform volume snapshot ${each.context}/${each.volume}\`. If it needs none, say \`snapshot: { every: never }\` in the manifest.`,
      ),
    ),
  ];
}

async function checkHelperImage(context: WorkspaceContext, workspace: Workspace): Promise<Finding> {
  try {
    const image = await preparedHelperImage(context.engine, workspace.helperImageOptions());
    return image === undefined
      ? ok("helper image", "none yet; the first snapshot or restore prepares one")
      : ok("helper image", `${image.reference}, ${image.origin}`);
  } catch (error) {
    return failure("helper image", error);
  }
}

/** A finding for each volume on which something was cut short; none where all is well. */
async function checkOperations(
  { engine }: WorkspaceContext,
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const journal = readJournal(await listContainers(engine, { signal }));
  const existing = new Set((await listVolumes(engine, signal)).map(({ name }) => name));
  const found = [...journal.operations.map(({ operation }) => operation), ...journal.records];
  const volumes = [...new Set(found.map(({ volume }) => volume))].filter(
    (volume) => !isThrowAway(volume),
  );
  return volumes.flatMap((volume) => {
    const { operations, records } = ofVolume(journal, volume);
    const advice = `Run \`dockform volume recover ${volume}\`.`;
    if (!existing.has(volume)) {
      const gone = "the volume is gone, and the engine still has records of it";
      return [warning(`volume ${volume}`, gone, advice)];
    }
    if (interruptionIn({ operations, records }) !== undefined) {
      return [
        failure(
          `volume ${volume}`,
          new DockformError("doctor.interrupted-operation", "an operation was interrupted", {
            hint: advice,
          }),
        ),
      ];
    }
    const unstarted = operations.find(({ standing }) => standing === "unstarted");
    if (unstarted === undefined) return [];
    const begun = `${describeOperation(unstarted.operation)}, is about to begin, or its client died`;
    return [warning(`volume ${volume}`, begun, `If it does not begin: ${advice}`)];
  });
}

/** A finding for each trial restore whose client died. */
async function checkTrials(
  { engine }: WorkspaceContext,
  { now, signal }: CliIo,
): Promise<readonly Finding[]> {
  const leftovers = await findTrials(engine, now(), signal);
  return leftovers.map(({ id, of }) =>
    warning(
      `trial restore ${id}`,
      `an interrupted drill of a snapshot of ${of} left a volume behind`,
      "The next `dockform snapshot drill` removes it.",
    ),
  );
}

/** A finding for each folder that an operation could not remove. */
async function checkLeftovers(
  { engine }: WorkspaceContext,
  tools: Tools,
): Promise<readonly Finding[]> {
  const { signal } = tools;
  const containers = await listContainers(engine, { signal });
  const found = await findLeftovers(
    { engine, containers, tools },
    await listVolumes(engine, signal),
  );
  return found.map(({ volume, leftover }) =>
    warning(
      `volume ${volume.name}`,
      `the folder ${leftover.folder} could not be removed: ${leftover.cause}`,
      leftoverAdvice(volume, leftover),
    ),
  );
}

/** A finding for each folder of what others wrote during a swap. */
async function checkAside({ engine }: WorkspaceContext, tools: Tools): Promise<readonly Finding[]> {
  const { signal } = tools;
  const containers = await listContainers(engine, { signal });
  const found = await findAside({ engine, containers, tools }, await listVolumes(engine, signal));
  return [...found].flatMap(([volume, paths]) =>
    paths.map((path) => warning(`volume ${volume}`, asideText(volume, path), asideAdvice(volume))),
  );
}

async function checkSpace(context: WorkspaceContext): Promise<Finding> {
  const { store, storedAs } = context;
  const room = await store.room(storedAs("").context);
  if (room === undefined) return ok("space", `not limited in ${store.title}`);
  const found = `${formatBytes(room.freeBytes)} free for snapshots in ${room.where}`;
  return room.freeBytes < LOW_SPACE_BYTES
    ? warning("space", found, "Remove old snapshots, or name another folder with -o.")
    : ok("space", found);
}

function ok(check: string, found: string): Finding {
  return { check, status: "ok", found, advice: undefined };
}

function warning(check: string, found: string, advice: string): Finding {
  return { check, status: "warning", found, advice };
}

function failure(check: string, error: unknown): Finding {
  const known = error instanceof DockformError ? error : undefined;
  const finding = {
    check,
    status: "failed",
    found: messageOf(error),
    advice: known?.hint,
  } as const;
  return known === undefined ? finding : { ...finding, error: known };
}

function toText(findings: readonly Finding[], { paint }: Session): string {
  const colours = { ok: "green", warning: "yellow", failed: "red" } as const;
  return table(
    findings.flatMap(({ check, status, found, advice }) => [
      [paint(colours[status], status), check, found],
      ...(advice === undefined ? [] : [["", "", advice]]),
    ]),
  );
}
