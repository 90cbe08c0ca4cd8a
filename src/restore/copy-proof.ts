import { ReadingWarnings } from "../capture/warnings.ts";
import { engineInfo } from "../engine/system.ts";
import { DockformError } from "../errors.ts";
import type { Helper } from "../helper/helper.ts";
import { isReservedPath } from "../snapshot/reserved.ts";
import { storedChecksum } from "../snapshot/sidecar.ts";
import { compareEntries } from "../tar/compare.ts";
import { Archive, checksumMismatch } from "../archive/archive.ts";
import { ArchivePass } from "../archive/pass.ts";
import { differencesText } from "../archive/differences.ts";
import { entriesThrough } from "../capture/entries.ts";
import { keepsContents } from "./kept.ts";
import {
  openUndisturbedReader,
  writeSnapshot,
  type SnapshotReport,
  type SnapshotRequest,
} from "../capture/snapshot.ts";
import { inspectVolumeFiles } from "./files.ts";
import { existingVolume } from "../lock/target.ts";
import type { Tools } from "../tools.ts";

/** What is said where the proof fails: what was left as it was, and what to do. */
interface Otherwise {
  readonly code: "volume.not-saved" | "restore.snapshot-incomplete";
  readonly hint: string;
}

/**
 * Proves that a snapshot can stand for the contents of its volume, which are about to be removed: nothing said of it
 * means that it may lack anything, and read again it is the volume, entry by entry.
 *
 * @param helper reads the volume.
 * @throws DockformError as `otherwise` says when it may not hold everything, `integrity` when it is not what was stored.
 */
export async function proveCopy(
  helper: Helper,
  report: SnapshotReport,
  otherwise: Otherwise,
  tools: Tools,
): Promise<void> {
  const { archivePath, sidecar, volume } = report;
  const lacking = (what: string): DockformError =>
    new DockformError(
      otherwise.code,
      `the snapshot ${archivePath} would not bring back all of volume "${volume}": ${what}`,
      { hint: otherwise.hint },
    );
  const [shortcoming] = report.shortcomings;
  if (shortcoming !== undefined) throw lacking(shortcoming);
  tools.emit({ type: "phase", phase: "prove", volumes: [volume] });
  await using archive = await Archive.open(report);
  using pass = new ArchivePass(archive, "Reading", tools);
  const present = entriesThrough(
    helper.verbs,
    {
      volume,
      title: `Comparing ${volume}`,
      cannotRead: lacking,
      onRemark: (remark) => tools.log.debug(`${volume}: ${remark}`),
    },
    tools,
  );
  const differences = await compareEntries(pass.reader.entries(), present, isReservedPath);
  if (differences.length > 0) throw lacking(differencesText(differences));
  const expected = storedChecksum(sidecar, archive.format) ?? "";
  const sha256 = pass.sha256();
  if (sha256 !== expected) throw checksumMismatch(archive, expected, sha256);
  tools.log.info(`Verified: ${archivePath} holds what volume ${volume} holds`);
}

/**
 * Writes a snapshot of a volume that nobody uses and that is about to be removed, and proves it.
 *
 * @throws DockformError as {@link proveCopy} does, when the volume keeps contents, and when the snapshot fails.
 */
export async function provenSnapshot(
  request: SnapshotRequest,
  otherwise: Otherwise,
  tools: Tools,
): Promise<SnapshotReport> {
  const startedMs = performance.now();
  const { target } = request;
  const volume = await existingVolume(target, tools.signal);
  const { users, ...reader } = await openUndisturbedReader(target, volume, tools);
  await using helper = reader.helper;
  // The engine's record of them may be gone: `docker container prune` removes it.
  const { kept } = await inspectVolumeFiles(helper.verbs, tools.signal);
  if (kept !== undefined) {
    throw keepsContents(volume.name, kept, `Volume ${volume.name} was not removed.`);
  }
  const report = await writeSnapshot(helper, request, tools, {
    volume,
    users,
    engine: engineInfo(target.engine, tools.signal),
    startedMs,
    fingerprint: undefined,
    warnings: new ReadingWarnings(volume.name, undefined, tools.log),
    consistency: "live",
    purpose: undefined,
  });
  await proveCopy(helper, report, otherwise, tools);
  return report;
}
