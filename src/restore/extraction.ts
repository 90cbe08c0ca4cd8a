import { Digest } from "../archive/digest.ts";
import type { ArchiveSource } from "../archive/source.ts";
import type { ExpectedContents } from "./expected.ts";
import { shortcoming } from "./scan.ts";
import { leftOutText, mayLeaveOut, withoutAdvice, type DoesWithout } from "./without.ts";
import { DockformError, type Advice } from "../errors.ts";
import type { LostGroup, MessageGroup } from "../helper/message-groups.ts";
import type { TarOutcome } from "../helper/messages.ts";
import type { ExtractReply } from "../helper/verbs.ts";
import type { LockedVolume } from "../lock/lock.ts";
import type { Tools } from "../tools.ts";
import type { ByteText } from "../tar/header.ts";
import { refuseInside } from "./inside.ts";
import { findLimits, type TargetLimits } from "./target-limits.ts";
import { verifyStaged } from "./verify-staged.ts";

export interface ExtractOptions extends DoesWithout {
  /** The only paths that are to change places; without them everything does. */
  readonly paths: readonly ByteText[] | undefined;
  /** Compare what was extracted with the archive, entry by entry. */
  readonly verify: boolean;
}

/** An archive on its way into a staging folder. */
export interface Extraction {
  readonly lock: LockedVolume;
  /** Of the staging folder. */
  readonly id: string;
  readonly archive: ArchiveSource;
  readonly expected: ExpectedContents;
}

/**
 * Extracts an archive into a staging folder, flushes it to the disk and checks it; with `verify` entry by entry. What a
 * failure leaves is the caller's.
 *
 * @returns what was left out, having been allowed to be.
 * @throws DockformError `failed`, `integrity`; `refused` when the file system cannot hold what the archive needs and
 * may not be left out.
 */
export async function extractBeside(
  extraction: Extraction,
  { verify, ...doesWithout }: Omit<ExtractOptions, "paths">,
  tools: Tools,
): Promise<readonly LostGroup[]> {
  const { lock, id, archive, expected } = extraction;
  const limits = await findLimits(lock, id, archive, expected, doesWithout, tools);
  const { leftOut, tookRoot } = await extract(extraction, { ...doesWithout, ...limits }, tools);
  await refuseInside(
    lock.volume.name,
    id,
    archive.path,
    "The archive would be removed with the old contents.",
  );
  if (verify) await verifyStaged(lock, archive, { ...doesWithout, leftOut, tookRoot }, tools);
  return leftOut;
}

interface Extracted {
  readonly leftOut: readonly LostGroup[];
  /** Whether the archive has the root folder's own metadata. */
  readonly tookRoot: boolean;
}

async function extract(
  extraction: Extraction,
  doesWithout: DoesWithout & TargetLimits,
  tools: Tools,
): Promise<Extracted> {
  const { archive, expected } = extraction;
  const { log, startProgress, signal } = tools;
  const progress = startProgress("Extracting", archive.storedBytes);
  if (expected.entries !== undefined) progress.report({ totalEntries: expected.entries });
  try {
    const digest = new Digest(progress);
    const reply = await send(extraction, doesWithout, { digest, progress, signal });
    const outcome = judge(extraction, reply, doesWithout);
    for (const remark of outcome.remarks) log.warn(remark);
    await refuseAnother(extraction, outcome, digest);
    const leftOut = [...outcome.leftOut, ...doesWithout.silentlyLeftOut];
    for (const group of leftOut) log.warn(leftOutText(group));
    if (!reply.isReady) await finish(extraction, leftOut, signal);
    if (reply.reservedName !== undefined) {
      log.warn(
        `left out ${reply.reservedName} of the archive: this program keeps that name for itself`,
      );
    }
    return { leftOut, tookRoot: reply.tookRoot };
  } finally {
    progress.end();
  }
}

async function send(
  { lock, id, archive, expected }: Extraction,
  doesWithout: DoesWithout & TargetLimits,
  { digest, progress, signal }: Under,
): Promise<ExtractReply> {
  const request = {
    id,
    compression: archive.compression,
    tarBytes: expected.limitBytes,
    noAcls: doesWithout.hasNoAcls,
    noSetId: losesOwners(doesWithout.silentlyLeftOut),
    mayLeaveOut: (group: MessageGroup) => mayLeaveOut(doesWithout, group),
  };
  const streaming = { signal, onProgress: progress.report };
  return lock.verbs.extract(archive.chunks(digest), request, streaming);
}

interface Under {
  readonly digest: Digest;
  readonly progress: ReturnType<Tools["startProgress"]>;
  readonly signal: AbortSignal;
}

/** @throws DockformError `failed` when tar could not extract what it should, `integrity` when the archive is damaged. */
function judge(
  { archive, expected }: Extraction,
  { isOverLimit, outcome, said }: ExtractReply,
  doesWithout: DoesWithout,
): TarOutcome {
  if (isOverLimit) throw expected.overLimit();
  if (outcome.failure !== undefined && !outcome.goesOn) {
    throw cannotExtract(archive, outcome.failure, withoutAdvice(said, doesWithout));
  }
  const flaw = shortcoming(outcome);
  if (flaw !== undefined) throw archive.damaged(flaw);
  return outcome;
}

/** @throws DockformError `integrity` when what arrived is not what was to be extracted. */
async function refuseAnother(
  { archive, expected }: Extraction,
  { tarBytes, entries }: TarOutcome,
  digest: Digest,
): Promise<void> {
  const counted = await expected.counted();
  if (counted.sha256 !== undefined && digest.sha256() !== counted.sha256) {
    throw archive.damaged("it is not what was checked before");
  }
  if (tarBytes !== counted.tarBytes || entries !== counted.entries) {
    throw archive.damaged(
      `it holds ${entries} entries and ${tarBytes} bytes as tar, and ${counted.entries} and ${counted.tarBytes} were counted before`,
    );
  }
}

/** tar failed, but for nothing that was not to be left out. */
async function finish(
  { lock, id, archive }: Extraction,
  leftOut: readonly LostGroup[],
  signal: AbortSignal,
): Promise<void> {
  const failure = await lock.verbs.finishExtract(id, losesOwners(leftOut), signal);
  if (failure !== undefined) throw cannotExtract(archive, failure);
}

/** A file that did not get its owner must not run as another one. */
function losesOwners(leftOut: readonly LostGroup[]): boolean {
  return leftOut.some(({ aspect }) => aspect === "owners");
}

function cannotExtract(
  archive: ArchiveSource,
  failure: string,
  advice: readonly Advice[] = [],
): DockformError {
  return new DockformError("restore.extract-failed", `cannot extract ${archive.path}: ${failure}`, {
    hint: "The old contents are in place.",
    advice,
  });
}
