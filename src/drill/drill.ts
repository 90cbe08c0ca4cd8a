import { Archive } from "../archive/archive.ts";
import { recordingDamage } from "../archive/record-damage.ts";
import { formatTime } from "../format.ts";
import { ANY_VOLUME, type RestoreRequest } from "../restore/request.ts";
import { restoreVolume } from "../restore/restore.ts";
import { stopwatch } from "../stopwatch.ts";
import type { ArchiveInStore } from "../store/store.ts";
import type { Tools } from "../tools.ts";
import { proof } from "./proof.ts";
import type { DrillRequest } from "./request.ts";
import { prepare } from "./subject.ts";
import { removeLeftovers, ThrowAwayVolume } from "./throwaway.ts";

export interface DrillReport {
  readonly context: string;
  readonly volume: string;
  readonly archivePath: string;
  /** What was started and how it fared: `a copy of db (postgres:16): healthy`. */
  readonly provenBy: string;
  /** RFC 3339; also in the sidecar, where there is one. */
  readonly provenAt: string;
  readonly recorded: boolean;
  /** How the copy of a container differed from it. */
  readonly differences: readonly string[];
  readonly durations: { readonly restoreMs: number; readonly proofMs: number };
}

/**
 * Proves a snapshot: restores it into a throw-away volume, starts something on that, waits until it is
 * well, and records that in the sidecar. Nothing of it can reach anything outside, and all of it is removed
 * in the end. What earlier drills left behind whose client died is removed first.
 *
 * @throws DockformError `failed` when what was started is not healthy; its last log lines are told.
 */
export async function drill(request: DrillRequest, tools: Tools): Promise<DrillReport> {
  const clock = stopwatch();
  const { target, archivePath } = request;
  await removeLeftovers(target.engine, tools);
  const prepared = await prepare(target, request.subject, tools);
  await using throwAway = await ThrowAwayVolume.create(target, tools);
  await restoreInto(throwAway, request, tools);
  const restoreMs = clock.lap();
  const { definition, differences } = await prepared.define(throwAway);
  for (const difference of differences) tools.log.info(`In the copy, ${difference}`);
  const outcome = await proof(request, throwAway, definition, tools);
  const provenBy = `${prepared.title}: ${outcome}`;
  const proofMs = clock.lap();
  const provenAt = formatTime(tools.now());
  const recorded = await record(request, provenAt, provenBy, tools);
  const { context, volume } = target;
  const durations = { restoreMs, proofMs };
  return { context, volume, archivePath, provenBy, provenAt, recorded, differences, durations };
}

/** Restores a snapshot into a throw-away volume, which is not to be compared with the original's driver. */
export async function restoreInto(
  throwAway: ThrowAwayVolume,
  { store, archivePath }: ArchiveInStore,
  tools: Tools,
): Promise<void> {
  const debug = (message: string): void => tools.log.debug(message);
  const log = { debug, info: debug, warn: debug };
  const request: RestoreRequest = {
    target: throwAway.target,
    store,
    archivePath,
    undeclared: true,
    force: false,
    stopContainers: false,
    dryRun: false,
    keepPrevious: false,
    keepFailed: false,
    discardKept: false,
    inPlace: false,
    forceEmpty: true,
    verify: false,
    without: new Set<never>(),
    strictAttributes: false,
    paths: [],
    fromVolume: ANY_VOLUME,
    create: false,
    // What is proven is the snapshot as it is.
    root: { kind: "strip", components: 0 },
    healthTimeoutMs: 0,
  };
  await recordingDamage({ store, archivePath }, tools, () =>
    restoreVolume(request, { ...tools, log }),
  );
}

async function record(
  snapshot: ArchiveInStore,
  provenAt: string,
  provenBy: string,
  { log }: Tools,
): Promise<boolean> {
  const { store, archivePath } = snapshot;
  await using archive = await Archive.open(snapshot);
  if ((await archive.sidecar()) === undefined) {
    log.warn(`${archivePath} has no sidecar, so it cannot be recorded that it is proven`);
    return false;
  }
  await store.amend(archivePath, {
    proven_at: provenAt,
    proven_by: provenBy,
    damaged_at: undefined,
    unhealthy_at: undefined,
  });
  return true;
}
