import { ReadingWarnings } from "../capture/warnings.ts";
import { engineInfo } from "../engine/system.ts";
import { DockformError, messageOf } from "../errors.ts";
import { attributesText, unrestorable } from "../helper/attributes.ts";
import { DEFAULT_LEVEL } from "../snapshot/name.ts";
import { SAFETY_NOTE, type Sidecar } from "../snapshot/sidecar.ts";
import {
  Archive,
  countedContents,
  verifyChecksum,
  type ArchiveContents,
} from "../archive/archive.ts";
import { proveCopy } from "./copy-proof.ts";
import type { LockedVolume } from "../lock/lock.ts";
import { declaredOf } from "../lock/target.ts";
import { missingRoom } from "./room.ts";
import { writeSnapshot } from "../capture/snapshot.ts";
import { expectCounted } from "./expected.ts";
import { inspectVolumeFiles } from "./files.ts";
import type { StagedContents } from "./staging.ts";
import type { Safety } from "./undecided.ts";
import type { Tools } from "../tools.ts";
import { leftOutText, LENIENT } from "./without.ts";

/** The snapshot of the old contents, written and read again. */
interface SafetySnapshot extends Safety {
  readonly sidecar: Sidecar;
}

/** Takes a snapshot of what the volume holds, and reads it again. */
export async function takeSafetySnapshot(
  lock: LockedVolume,
  tools: Tools,
): Promise<SafetySnapshot> {
  const { target, volume } = lock;
  const { users } = await lock.survey(tools.signal);
  const request = {
    target,
    format: "tar.zst",
    level: DEFAULT_LEVEL,
    note: SAFETY_NOTE,
  } as const;
  const report = await writeSnapshot(lock.helper, request, tools, {
    volume,
    users,
    engine: engineInfo(target.engine, tools.signal),
    startedMs: performance.now(),
    fingerprint: undefined,
    warnings: new ReadingWarnings(volume.name, undefined, tools.log),
    consistency: "stop",
    purpose: "safety",
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
export async function refuseUnrestorable(lock: LockedVolume, { signal }: Tools): Promise<void> {
  const found = await lock.verbs.attributes(signal);
  const room = "Make room for old and new contents at once";
  if (found.failure !== undefined) {
    throw new DockformError(
      "volume.not-restorable",
      `volume "${lock.volume.name}" may have attributes that could not be put back from a snapshot: ${found.failure}`,
      { hint: `Nothing was touched. ${room}.` },
    );
  }
  const foreign = new Map([...found.counts].filter(([name]) => !name.startsWith("btrfs.")));
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
export async function refuseWithoutRoom(
  lock: LockedVolume,
  contents: ArchiveContents,
  { sidecar }: SafetySnapshot,
  tools: Tools,
): Promise<void> {
  const { freeBytes, freeInodes } = await inspectVolumeFiles(lock.verbs, tools.signal);
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
  tools.emit({ type: "phase", phase: "go-back", volumes: [staged.volume] });
  const { signal } = new AbortController();
  try {
    const { store } = staged;
    const { archivePath } = safety;
    await using archive = await Archive.open({ store, archivePath });
    const sidecar = await archive.sidecar();
    if (sidecar === undefined) throw new Error(`${safety.archivePath} has no sidecar`);
    const sha256 = await verifyChecksum(archive, sidecar, tools.startProgress, signal);
    const contents = countedContents(sidecar, sha256);
    if (contents === undefined) throw new Error("its sidecar does not say what is in it");
    // Contents that lack something are better than none.
    await staged.extract(
      archive,
      expectCounted(archive, contents),
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
  { volume: { name }, target }: LockedVolume,
  { leftOut, safety }: StagedContents,
): DockformError | undefined {
  const lost = leftOut.filter(({ aspect }) => aspect !== "attributes");
  if (lost.length === 0 || safety === undefined) return undefined;
  const { archivePath } = safety;
  return new DockformError(
    "restore.old-contents-incomplete",
    `the old contents of volume "${name}" are back, but incomplete: ${lost.map(leftOutText).join("; ")}`,
    {
      hint: `Keep ${archivePath}, which alone holds all of it.`,
      advice: [{ code: "restore-when-possible", ...declaredOf(target), archivePath }],
      data: { volume: name, archive: archivePath, left_out: lost.map(({ what }) => what) },
    },
  );
}
