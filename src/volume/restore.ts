import { randomBytes } from "node:crypto";
import type { EngineVolume } from "../engine/volumes.ts";
import { DockformError } from "../errors.ts";
import { formatBytes } from "../format.ts";
import { Helper } from "../helper/helper.ts";
import { shapeDifferences, specHash } from "../snapshot/spec-hash.ts";
import type { Sidecar } from "../snapshot/sidecar.ts";
import { Archive, verifyChecksum, type ArchiveContents } from "./archive.ts";
import { StoppedContainers, refuseUnstoppable, type ContainerOutcome } from "./quiesce.ts";
import {
  inspectVolumeFiles,
  StagedRestore,
  UndecidedSwapError,
  type OpenHelper,
  type VolumeFiles,
} from "./staging.ts";
import { existingVolume, type VolumeTarget } from "./target.ts";
import type { Tools } from "./tools.ts";
import { containerTitle, exclusiveUsers, isActive, volumeUsers, type VolumeUser } from "./users.ts";

export interface RestoreRequest {
  readonly target: VolumeTarget;
  readonly archivePath: string;
  /** Allow a volume that the manifest does not declare. */
  readonly undeclared: boolean;
  /** Allow replacing what the volume holds. */
  readonly force: boolean;
  readonly stopContainers: boolean;
  /** Make every check, then stop. */
  readonly dryRun: boolean;
}

export interface RestoreReport {
  readonly context: string;
  readonly volume: string;
  readonly archivePath: string;
  readonly dryRun: boolean;
  readonly tarBytes: number;
  readonly entries: number;
  /** Against the sidecar's SHA-256, or by reading the whole archive where there is no sidecar. */
  readonly checkedBy: "checksum" | "reading";
  readonly containers: readonly ContainerOutcome[];
  readonly durations: {
    readonly checkMs: number;
    readonly extractMs: number;
    readonly swapMs: number;
    readonly removeOldMs: number;
    readonly totalMs: number;
  };
}

/**
 * Replaces a volume's contents by a snapshot's. Every refusal comes before the first side effect;
 * until the swap the old contents stay in place, and containers that were stopped are started again
 * whatever happens.
 *
 * @throws DockformError `refused`, `usage`, `integrity` or `failed`, in the order of the checks.
 */
export async function restoreVolume(request: RestoreRequest, tools: Tools): Promise<RestoreReport> {
  const clock = stopwatch();
  const { target } = request;
  const volume = await declaredVolume(request, tools);
  await using archive = await Archive.open(request.archivePath);
  const sidecar = await archive.sidecar();
  warnAboutSidecar(archive, sidecar, volume, tools);
  // Starting the helper touches nothing, and takes about as long as reading a small archive.
  await using starting = new StartingHelper(openWritingHelper(target, tools));
  const sha256 =
    sidecar && (await verifyChecksum(archive, sidecar, tools.startProgress, tools.signal));
  const helper = await starting.helper;
  const contents =
    sidecar === undefined || sha256 === undefined
      ? await archive.scan(helper, tools.startProgress, tools.signal)
      : contentsBySidecar(sidecar, sha256);
  const files = await inspectVolumeFiles(helper, tools.signal);
  refuseNonEmpty(request, files);
  await refuseUsers(request, volume, helper, tools);
  refuseFullFileSystem(target, files, contents);
  refuseFixedAttributes(target, files);
  const checkMs = clock.lap();
  const { tarBytes, entries } = contents;
  const checkedBy = sidecar === undefined ? "reading" : "checksum";
  if (request.dryRun) {
    const durations = { checkMs, extractMs: 0, swapMs: 0, removeOldMs: 0, totalMs: clock.total() };
    return report(request, { tarBytes, entries, checkedBy, containers: [], durations });
  }

  const openAnother = openSecondHelper(target, tools);
  const staged = await StagedRestore.extract(helper, openAnother, archive, contents, tools);
  const extractMs = clock.lap();
  const containers = await swapWithContainersStopped(request, volume, staged, tools);
  const swapMs = clock.lap();
  await staged.dropOld();
  const removeOldMs = clock.lap();
  const durations = { checkMs, extractMs, swapMs, removeOldMs, totalMs: clock.total() };
  return report(request, { tarBytes, entries, checkedBy, containers, durations });
}

async function declaredVolume(
  { target, undeclared }: RestoreRequest,
  tools: Tools,
): Promise<EngineVolume> {
  if (!target.declared && !undeclared) {
    throw new DockformError(
      "refused",
      `volume "${target.volume}" is not defined in manifest for context "${target.context}"`,
      { hint: "Declare it under `volumes:`, or add --undeclared to restore into it all the same." },
    );
  }
  const hint = target.declared
    ? "Run `dockform apply` to create it."
    : "Create it with `docker volume create`, or declare it and run `dockform apply`.";
  return existingVolume(target, { kind: "refused", hint }, tools.signal);
}

function warnAboutSidecar(
  archive: Archive,
  sidecar: Sidecar | undefined,
  volume: EngineVolume,
  { log }: Tools,
): void {
  if (sidecar === undefined) {
    log.warn(`${archive.path} has no sidecar: the whole archive is read once to check it`);
    return;
  }
  if (sidecar.spec_hash === specHash(volume)) return;
  const there = {
    driver: sidecar.driver,
    driverOpts: sidecar.driver_opts ?? {},
    labels: sidecar.labels ?? {},
  };
  const differences = shapeDifferences(there, volume).join("; ") || "the spec hash alone";
  log.warn(`the snapshot was taken of a volume that differs from this one: ${differences}`);
}

/** The default name is one for each volume: the engine lets only one client at a time have it. */
async function openWritingHelper(
  target: VolumeTarget,
  tools: Tools,
  name = `dockform-restore-${target.volume}`,
): Promise<Helper> {
  return Helper.open(target.engine, await target.findHelperImage(), {
    volume: target.volume,
    access: "write",
    name,
    operation: "restore",
    temporaryFolder: tools.temporaryFolder,
    log: tools.log,
    signal: tools.signal,
  });
}

/** A helper that is being started while something else goes on; disposing waits for it. */
class StartingHelper implements AsyncDisposable {
  readonly helper: Promise<Helper>;

  constructor(helper: Promise<Helper>) {
    this.helper = helper;
    // Whoever never comes to ask for it has another error to tell.
    helper.catch(() => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.helper.then(
      (helper) => helper[Symbol.asyncDispose](),
      () => {},
    );
  }
}

/** A helper that died keeps its name until the engine has removed it. */
function openSecondHelper(target: VolumeTarget, tools: Tools): OpenHelper {
  const name = `dockform-restore-${target.volume}-${randomBytes(4).toString("hex")}`;
  return (signal) => openWritingHelper(target, { ...tools, signal }, name);
}

/** The original counts in a second read of the volume, so its numbers may be other ones. */
function contentsBySidecar(sidecar: Sidecar, sha256: string): ArchiveContents {
  return {
    tarBytes: sidecar.uncompressed_bytes,
    entries: sidecar.entry_count ?? sidecar.file_count,
    counted: sidecar.format_version !== undefined && sidecar.entry_count !== undefined,
    sha256,
  };
}

function refuseNonEmpty({ target, force }: RestoreRequest, facts: VolumeFiles): void {
  if (facts.empty || force) return;
  throw new DockformError("refused", `volume "${target.volume}" is not empty`, {
    hint: "Add --force to replace what it holds. Take a snapshot of it first if you may want it back.",
  });
}

async function refuseUsers(
  { target, stopContainers }: RestoreRequest,
  volume: EngineVolume,
  helper: Helper,
  tools: Tools,
): Promise<void> {
  const users = await exclusiveUsers(target.engine, volume, helper, {
    excludes: ["snapshot", "restore"],
    signal: tools.signal,
  });
  if (users.length > 0 && !stopContainers) {
    const named = users.map(({ container }) => `${containerTitle(container)}, ${container.state}`);
    throw new DockformError(
      "refused",
      `containers are using volume "${target.volume}": ${named.join("; ")}`,
      {
        hint: "Add --stop-containers: those that run are stopped for the swap and started again.",
        data: { containers: users.map(({ container }) => container.name) },
      },
    );
  }
  await refuseUnstoppable(target.engine, users, tools.signal);
}

/** tar's stream is a lower bound of what its files take: holes are not in it. */
function refuseFullFileSystem(
  target: VolumeTarget,
  { freeBytes, freeInodes }: VolumeFiles,
  { tarBytes, entries }: ArchiveContents,
): void {
  const missing = [
    ...(freeBytes < tarBytes ? [`${formatBytes(tarBytes - freeBytes)} of space`] : []),
    ...(freeInodes < entries ? [`${entries - freeInodes} inodes`] : []),
  ];
  if (missing.length === 0) return;
  throw new DockformError(
    "refused",
    `the file system of volume "${target.volume}" cannot hold the old and the new contents at once: ${missing.join(" and ")} missing`,
    {
      hint: "Make room on it. The old contents are removed only after the new ones are in place.",
      data: { freeBytes, neededBytes: tarBytes, freeInodes, neededInodes: entries },
    },
  );
}

function refuseFixedAttributes(target: VolumeTarget, { missingTool }: VolumeFiles): void {
  if (missingTool === undefined) return;
  throw new DockformError(
    "refused",
    `the root folder of volume "${target.volume}" has attributes or an ACL, and the helper image has no ${missingTool} to replace them`,
    {
      hint: "Nothing was touched. Install acl and attr on this machine (Debian: apt-get install acl attr), or name an image that has them.",
    },
  );
}

/** A container that was started after the check would be writing to files on their way out. */
async function refuseNewUsers(
  target: VolumeTarget,
  volume: EngineVolume,
  stopped: StoppedContainers,
  tools: Tools,
): Promise<void> {
  const users = await volumeUsers(target.engine, volume, tools.signal);
  const running = users.find(({ container }) => isActive(container));
  if (running === undefined) return;
  const title = containerTitle(running.container);
  throw new DockformError(
    "failed",
    stopped.has(running.container)
      ? `${title} was started again while the restore had it stopped`
      : `${title} began to use volume "${target.volume}" meanwhile`,
    { hint: "The old contents are in place. Run the restore again when nothing else starts it." },
  );
}

/**
 * Stops the containers that use the volume by now, swaps, and starts them again on success and on
 * failure alike; but not on a volume that stands between old and new.
 */
async function swapWithContainersStopped(
  request: RestoreRequest,
  volume: EngineVolume,
  staged: StagedRestore,
  tools: Tools,
): Promise<readonly ContainerOutcome[]> {
  const { target } = request;
  const stopped = new StoppedContainers(target.engine, tools.log);
  try {
    await stopped.stop(await presentUsers(request, volume, tools));
    await refuseNewUsers(target, volume, stopped, tools);
    await staged.swap();
  } catch (error) {
    if (error instanceof UndecidedSwapError) {
      tools.log.warn(`left stopped: ${stopped.names().join(", ") || "no container"}`);
      throw error;
    }
    await stopped.startAgain();
    await staged.discard();
    throw error;
  }
  return stopped.startAgain();
}

/** The users after what may have been a long extraction; new ones must be stoppable as well. */
async function presentUsers(
  { target, stopContainers }: RestoreRequest,
  volume: EngineVolume,
  tools: Tools,
): Promise<readonly VolumeUser[]> {
  const users = await volumeUsers(target.engine, volume, tools.signal);
  if (!stopContainers) return [];
  await refuseUnstoppable(target.engine, users, tools.signal);
  return users;
}

function report(
  { target, archivePath, dryRun }: RestoreRequest,
  found: Pick<RestoreReport, "tarBytes" | "entries" | "checkedBy" | "containers" | "durations">,
): RestoreReport {
  return { context: target.context, volume: target.volume, archivePath, dryRun, ...found };
}

interface Stopwatch {
  /** Milliseconds since the last lap. */
  lap(): number;
  total(): number;
}

function stopwatch(): Stopwatch {
  const startMs = performance.now();
  let lapMs = startMs;
  return {
    lap() {
      const sinceMs = lapMs;
      lapMs = performance.now();
      return Math.round(lapMs - sinceMs);
    },
    total: () => Math.round(performance.now() - startMs),
  };
}
