import { join } from "node:path";
import { engineInfo } from "../engine/system.ts";
import { DockformError, messageOf } from "../errors.ts";
import { shellWord } from "../format.ts";
import { attributesIn } from "../helper/archived.ts";
import { attributesText, unrestorable } from "../helper/attributes.ts";
import type { LostGroup } from "../helper/message-groups.ts";
import { endingOf } from "../helper/messages.ts";
import { DEFAULT_LEVEL } from "../snapshot/name.ts";
import type { Sidecar } from "../snapshot/sidecar.ts";
import {
  Archive,
  countedContents,
  verifyChecksum,
  type ArchiveContents,
} from "../archive/archive.ts";
import { proveCopy } from "./copy-proof.ts";
import type { LockedVolume } from "../lock/lock.ts";
import { holdMemory } from "./memory.ts";
import { StoppedContainers } from "../workload/stopped.ts";
import {
  leftStopped,
  startAsBefore,
  presentUsers,
  refuseNewUsers,
  startOrGoBack,
  stopIntruders,
  type Replaced,
  type ReplacedContents,
  type ReplaceOptions,
} from "./replace.ts";
import { missingRoom } from "./room.ts";
import type { ArchiveSource } from "../archive/source.ts";
import { writeSnapshot } from "../capture/snapshot.ts";
import type { ExtractOptions } from "./extraction.ts";
import { inspectVolumeFiles } from "./files.ts";
import { refuseInside } from "./inside.ts";
import { StagedContents } from "./staging.ts";
import { PartlyClearedError, UndecidedSwapError, type Safety } from "./undecided.ts";
import { archiveAt } from "../store/folder/folder-store.ts";
import { stopwatch } from "../stopwatch.ts";
import { findLimits, refuseUnholdable } from "./target-limits.ts";
import type { Tools } from "../tools.ts";
import { leftOutText, LENIENT } from "./without.ts";

/** What a replacement took and did, the extraction included. */
export interface Refilled extends Replaced {
  readonly extractMs: number;
  readonly leftOut: readonly LostGroup[];
}

/** The snapshot of the old contents, written and read again. */
interface SafetySnapshot extends Safety {
  readonly sidecar: Sidecar;
}

/**
 * Replaces contents where there is no room for old and new at once: with the containers stopped, a
 * snapshot of the old contents is written and checked, they are removed, the new ones extracted. Whatever
 * fails after that brings the old ones back from the snapshot.
 *
 * @throws DockformError `failed` with the old contents in place, UndecidedSwapError.
 */
export async function replaceInPlace(
  lock: LockedVolume,
  archive: ArchiveSource,
  contents: ArchiveContents,
  options: ReplaceOptions & ExtractOptions,
  tools: Tools,
): Promise<Refilled> {
  const stopped = new StoppedContainers(lock.target.engine, lock, tools.log);
  const clock = stopwatch();
  const times = { swapMs: 0, extractMs: 0 };
  await refuseUnrestorable(lock, tools);
  const staged = StagedContents.of(lock, lock.stagingId, tools);
  await staged.begin();
  let safety: SafetySnapshot;
  try {
    await refuseUnsuitable(lock, archive, contents, options, tools);
    await holdMemory(lock, tools);
    tools.log.debug("phase: stop");
    await stopped.stop(await presentUsers(lock, options, tools), () => staged.holdOn());
    await refuseNewUsers(lock, stopped, tools);
    safety = await makeSafe(lock, contents, tools);
    clock.lap();
    tools.log.debug("phase: clear");
    await clear(staged, safety, tools);
    times.swapMs = clock.lap();
    tools.log.debug("phase: extract");
    await fill(staged, safety, tools, (signal) =>
      staged.extract(archive, contents, options, signal),
    );
    times.extractMs = clock.lap();
  } catch (error) {
    if (error instanceof UndecidedSwapError) throw leftStopped(error, stopped, tools);
    await startAsBefore(staged, stopped);
    await staged.putAway();
    throw error;
  }
  await stopIntruders(lock, staged, stopped, tools);
  const { leftOut } = staged;
  const back = throughSafety(staged, safety, tools);
  return { ...(await startOrGoBack(lock, back, stopped, options, tools)), ...times, leftOut };
}

/** @throws DockformError `refused` where the volume cannot take the archive, or the snapshot would go with the contents. */
async function refuseUnsuitable(
  lock: LockedVolume,
  archive: ArchiveSource,
  contents: ArchiveContents,
  options: ExtractOptions,
  tools: Tools,
): Promise<void> {
  const { stagingId, target, volume } = lock;
  await findLimits(lock, stagingId, archive, contents, options, tools);
  const place = target.store.placeOnThisMachine(target.storedAs);
  if (place === undefined) return;
  const consequence = "The snapshot of the old contents would go with them.";
  await refuseInside(volume.name, stagingId, join(place, "snapshot"), consequence);
}

/** A snapshot of the old contents, from which they can come back, while there will be room for the new ones. */
async function makeSafe(
  lock: LockedVolume,
  contents: ArchiveContents,
  tools: Tools,
): Promise<SafetySnapshot> {
  tools.log.debug("phase: safety");
  const safety = await takeSafetySnapshot(lock, tools);
  await refuseWithoutRoom(lock, contents, safety, tools);
  const { holds } = safety.sidecar;
  if (holds !== undefined) await refuseUnholdable(lock, holds, tools);
  return safety;
}

/** New contents whose way back to the old ones is the snapshot of them. */
function throughSafety(
  staged: StagedContents,
  safety: SafetySnapshot,
  tools: Tools,
): ReplacedContents {
  return {
    holdOn: () => staged.holdOn(),
    undecided: (cause) => staged.undecided(cause),
    swapBack: async () => {
      await clearAgain(staged, safety, tools);
      await refillFromSafety(staged, safety, tools);
      return "returned";
    },
    keepReplaced: (about) => staged.keepReplaced(about),
    conclude: () => staged.conclude(),
  };
}

/** Removes the old contents, or brings all of them back where that is not possible. */
async function clear(staged: StagedContents, safety: Safety, tools: Tools): Promise<void> {
  try {
    await staged.clear(safety);
  } catch (error) {
    if (error instanceof PartlyClearedError) await refillFromSafety(staged, safety, tools);
    throw error;
  }
}

/** Removes the new contents. The old ones come back all the same where something of them stays. */
async function clearAgain(staged: StagedContents, safety: Safety, tools: Tools): Promise<void> {
  try {
    await staged.clear(safety);
  } catch (error) {
    if (!(error instanceof PartlyClearedError)) throw error;
    tools.log.warn(messageOf(error));
  }
}

/** Puts new contents into a volume that was cleared, or the old ones again where that fails. */
async function fill(
  staged: StagedContents,
  safety: Safety,
  tools: Tools,
  extract: (signal: AbortSignal) => Promise<void>,
): Promise<void> {
  try {
    await extract(tools.signal);
    await staged.fillIn("after");
  } catch (error) {
    if (error instanceof UndecidedSwapError) throw error;
    tools.log.warn(`${messageOf(error)}: the old contents are brought back from their snapshot`);
    await refillFromSafety(staged, safety, tools);
    throw error;
  }
}

async function takeSafetySnapshot(lock: LockedVolume, tools: Tools): Promise<SafetySnapshot> {
  const { target, volume } = lock;
  const { users } = await lock.survey(tools.signal);
  const request = {
    target,
    format: "tar.zst",
    level: DEFAULT_LEVEL,
    note: "the contents before a restore --in-place",
  } as const;
  const report = await writeSnapshot(lock.helper, request, tools, {
    volume,
    users,
    engine: engineInfo(target.engine, tools.signal),
    startedMs: performance.now(),
    fingerprint: undefined,
    consistency: "stop",
  });
  const { archivePath, sidecar } = report;
  tools.log.info(`The old contents are in ${archivePath}`);
  await proveCopy(
    lock.helper,
    report,
    {
      code: "restore.snapshot-incomplete",
      hint: "The old contents are in place. Make room for old and new contents at once instead.",
    },
    tools,
  );
  return { archivePath, client: tools.client, sidecar };
}

/**
 * What the helper could not put back from a snapshot must not be removed. On one file system btrfs.* comes back.
 *
 * @throws DockformError `refused`.
 */
async function refuseUnrestorable(lock: LockedVolume, { signal }: Tools): Promise<void> {
  const reply = await lock.helper.call(["attributes"], signal);
  const room = "Make room for old and new contents at once";
  const unknown = reply.status === 0 ? reply.facts.get("attributes_unknown") : endingOf(reply);
  if (unknown !== undefined) {
    throw new DockformError(
      "volume.not-restorable",
      `volume "${lock.volume.name}" may have attributes that could not be put back from a snapshot: ${unknown}`,
      { hint: `Nothing was touched. ${room}.` },
    );
  }
  const found = attributesIn(reply);
  const foreign = new Map([...found].filter(([name]) => !name.startsWith("btrfs.")));
  const lost = unrestorable(foreign, lock.target.helperCapabilities);
  if (lost.size === 0) return;
  const withCapabilities = unrestorable(foreign, ["SYS_ADMIN"]).size === 0;
  throw new DockformError(
    "volume.not-restorable",
    `volume "${lock.volume.name}" has attributes that could not be put back from a snapshot: ${attributesText(lost)}`,
    {
      hint: `Nothing was touched. ${room}${withCapabilities ? ", or give helpers the right to set them: `helper: { capabilities: [SYS_ADMIN] }` in the manifest" : ""}.`,
    },
  );
}

/** What the old contents take will be free. */
async function refuseWithoutRoom(
  lock: LockedVolume,
  contents: ArchiveContents,
  { sidecar }: SafetySnapshot,
  tools: Tools,
): Promise<void> {
  const { freeBytes, freeInodes } = await inspectVolumeFiles(lock.helper, tools.signal);
  const missing = missingRoom(
    {
      freeBytes: freeBytes + sidecar.uncompressed_bytes,
      freeInodes: freeInodes + (sidecar.entry_count ?? 0),
    },
    contents,
  );
  if (missing === undefined) return;
  throw new DockformError(
    "volume.too-small",
    `the file system of volume "${lock.volume.name}" cannot hold the new contents even alone: ${missing} missing`,
    { hint: "The old contents are in place. Make room on it." },
  );
}

/**
 * Brings the old contents back from their snapshot into a volume that was cleared. Not even an
 * interruption cuts this short.
 *
 * @throws UndecidedSwapError when that could not be finished.
 */
export async function refillFromSafety(
  staged: StagedContents,
  safety: Safety,
  tools: Tools,
): Promise<void> {
  const { signal } = new AbortController();
  try {
    await using archive = await Archive.open(archiveAt(safety.archivePath));
    const sidecar = await archive.sidecar();
    if (sidecar === undefined) throw new Error(`${safety.archivePath} has no sidecar`);
    const sha256 = await verifyChecksum(archive, sidecar, tools.startProgress, signal);
    const contents = countedContents(sidecar, sha256);
    if (contents === undefined) throw new Error("its sidecar does not say what is in it");
    // Contents that lack something are better than none.
    await staged.extract(
      archive,
      contents,
      { verify: false, paths: undefined, ...LENIENT },
      signal,
    );
    await staged.fillIn("returned");
  } catch (error) {
    const cause = `the old contents could not be brought back from ${safety.archivePath}: ${messageOf(error)}`;
    throw staged.undecided(cause);
  }
}

/** What could not be put back of old contents that came from their snapshot, attributes apart. */
export function lackingAfterRefill(
  { volume: { name } }: LockedVolume,
  { leftOut, safety }: StagedContents,
): DockformError | undefined {
  const lost = leftOut.filter(({ aspect }) => aspect !== "attributes");
  if (lost.length === 0 || safety === undefined) return undefined;
  const { archivePath } = safety;
  return new DockformError(
    "restore.old-contents-incomplete",
    `the old contents of volume "${name}" are back, but not all they held: ${lost.map(leftOutText).join("; ")}`,
    {
      hint: `Keep ${archivePath}, which alone holds all of it. Where the volume can hold it, restore it: dockform volume restore ${name} ${shellWord(archivePath)} --force --stop-containers`,
      data: { volume: name, archive: archivePath, left_out: lost.map(({ what }) => what) },
    },
  );
}
