import { access, realpath } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { DockformError, messageOf } from "../errors.ts";
import type { Helper } from "../helper/helper.ts";
import type { LostGroup } from "../helper/message-groups.ts";
import { tarOutcome, tarRecordLimit } from "../helper/messages.ts";
import type { HelperReply } from "../helper/reply.ts";
import type { ByteText } from "../tar/header.ts";
import { moreThanCounted, shortcoming, type ArchiveContents } from "../archive/archive.ts";
import { asideAdvice, asideText, recordAside } from "../lock/aside.ts";
import { Digest } from "../archive/digest.ts";
import { aboutToWord, parseAbout, type AboutKept, type KeptContents } from "./kept.ts";
import { leftoverAdvice, leftoversIn, recordLeftovers } from "../lock/leftover.ts";
import type { LockedVolume } from "../lock/lock.ts";
import type { ArchiveSource } from "../archive/source.ts";
import { findLimits, type TargetLimits } from "./target-limits.ts";
import type { Tools } from "../tools.ts";
import { verifyStaged } from "./verify-staged.ts";
import { leftOutText, mayLeaveOut, withoutAdvice, type DoesWithout } from "../archive/without.ts";

/** What an operation has to know of a volume's files before it touches them. */
export interface VolumeFiles {
  readonly empty: boolean;
  readonly freeBytes: number;
  /** Of the whole file system. */
  readonly totalBytes: number;
  /** Infinite on file systems that make inodes as they need them. */
  readonly freeInodes: number;
  /** What the helper would need to take the root folder's attributes off, and does not have. */
  readonly missingTool: string | undefined;
  /** The mount point of another file system inside the volume, of which it is no part. */
  readonly mounted: string | undefined;
  /** Staging folders of operations that were cut short. */
  readonly unfinished: readonly UnfinishedStaging[];
  /** What an earlier operation has kept. */
  readonly kept: AboutKept | undefined;
  /** What others wrote during earlier swaps: one path in each folder of it. */
  readonly setAside: readonly string[];
}

export interface UnfinishedStaging {
  readonly id: string;
  /** Entries stand partly in the staging folder, partly in their place. */
  readonly betweenOldAndNew: boolean;
}

/** How a path in a volume stands before something takes its place. */
export type PathStanding =
  | "there"
  | "free"
  /** A part of it before the last is a symbolic link, or no folder. */
  | "through";

export async function lookAtPaths(
  helper: Helper,
  paths: readonly ByteText[],
  signal: AbortSignal,
): Promise<ReadonlyMap<ByteText, PathStanding>> {
  const { facts } = await helper.call(["look_at", ...paths.map(toWord)], signal);
  return new Map(
    paths.map((path) => {
      const standing = facts.get(`path_${toWord(path)}`);
      return [path, standing === "there" || standing === "free" ? standing : "through"];
    }),
  );
}

/** With the links on the way followed, as far as there is anything. */
async function realPath(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    return path === dirname(path) ? path : join(await realPath(dirname(path)), basename(path));
  }
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

/** For the helper's protocol, and for `printf %b`: every byte as an octal escape. */
export function toWord(path: ByteText): string {
  return [...Buffer.from(path, "latin1")]
    .map((byte) => `\\0${byte.toString(8).padStart(3, "0")}`)
    .join("");
}

export interface ExtractOptions extends DoesWithout {
  /** The only paths that are to change places; without them everything does. */
  readonly paths: readonly ByteText[] | undefined;
  /** Compare what was extracted with the archive, entry by entry. */
  readonly verify: boolean;
}

/** Where the only copy of a volume's old contents is, while there is no room for them in the volume. */
export interface Safety {
  readonly archivePath: string;
  /** Who has written it. */
  readonly client: string;
}

export async function inspectVolumeFiles(
  helper: Helper,
  signal: AbortSignal,
): Promise<VolumeFiles> {
  const { facts, messages, status } = await helper.call(["inspect"], signal);
  const firstEntry = facts.get("first_entry");
  if (status !== 0 || firstEntry === undefined || messages.length > 0) {
    throw new DockformError("failed", `cannot look into the volume: ${messages.at(-1) ?? status}`, {
      hint: "Nothing was touched. Check the file system under the volume.",
    });
  }
  const space = (facts.get("space") ?? "").split(" ").map(Number);
  const [freeBlocks = 0, blockBytes = 0, freeInodes = 0, inodes = 0, blocks = 0] = space;
  const kept = facts.get("kept");
  return {
    empty: firstEntry === "",
    freeBytes: freeBlocks * blockBytes,
    totalBytes: blocks * blockBytes,
    freeInodes: inodes === 0 ? Number.POSITIVE_INFINITY : freeInodes,
    missingTool: facts.get("missing_tool"),
    mounted: facts.get("mounted") || undefined,
    unfinished: unfinishedIn(facts),
    kept: kept === undefined ? undefined : parseAbout(kept),
    setAside: [...facts].filter(([fact]) => fact.startsWith("aside_")).map(([, path]) => path),
  };
}

function unfinishedIn(facts: ReadonlyMap<string, string>): readonly UnfinishedStaging[] {
  return [...facts].flatMap(([fact, sides]) => {
    const id = /^unfinished_(.*)$/.exec(fact)?.[1];
    if (id === undefined) return [];
    const present = new Set(sides.trim().split(" "));
    const incoming = present.has("new") || present.has("kept");
    const moving = ["old.partial", "back", "safety"].some((side) => present.has(side));
    return [{ id, betweenOldAndNew: moving || (present.has("old") && incoming) }];
  });
}

/**
 * A swap that stands between old and new. Nothing is lost, but the volume must not be used before it
 * is put right, so containers stay stopped.
 */
export class UndecidedSwapError extends DockformError {
  constructor(lock: LockedVolume, id: string, cause: string, safety?: Safety) {
    const { name } = lock.volume;
    const recover = `Run \`dockform volume recover ${name}\``;
    const where =
      safety === undefined
        ? `All old and new files are in it. ${recover} once the cause is mended: it puts the old or the new contents in place and starts what was stopped.`
        : `Keep ${safety.archivePath} and the file beside it (written by ${safety.client}): the old contents may be nowhere else. ${recover} there once the cause is mended, or with the two files at the same path elsewhere.`;
    super("failed", `the swap was cut short and could not be finished: ${cause}`, {
      hint: `Do not start containers on volume "${name}". ${where}`,
      data: { folder: `.dockform-${id}` },
    });
  }
}

/** Not all of the old contents could be removed from a volume: those of them that were have to come from their snapshot. */
export class PartlyClearedError extends DockformError {
  constructor({ volume }: LockedVolume, cause: string) {
    super("failed", `not all of volume "${volume.name}" could be removed: ${cause}`, {
      hint: "The old contents are in place again, from their snapshot.",
    });
  }
}

/** Contents that lie ready beside the present ones, within the volume, and may take their place. */
export class StagedContents {
  readonly #lock: LockedVolume;
  readonly #id: string;
  readonly #tools: Tools;
  #paths: readonly ByteText[] | undefined;
  #safety: Safety | undefined;
  #leftOut: readonly LostGroup[] = [];
  #staysForward = false;

  private constructor(lock: LockedVolume, id: string, tools: Tools) {
    this.#lock = lock;
    this.#id = id;
    this.#tools = tools;
  }

  /**
   * Extracts an archive beside what the volume holds, flushes it to the disk and checks it. A failure
   * takes away what was extracted.
   *
   * @throws DockformError `failed` when extraction fails, `integrity` when the archive is not what
   * was checked before.
   */
  static async extract(
    lock: LockedVolume,
    archive: ArchiveSource,
    expected: ArchiveContents,
    options: ExtractOptions,
    tools: Tools,
  ): Promise<StagedContents> {
    const staged = new StagedContents(lock, lock.stagingId, tools);
    try {
      await staged.extract(archive, expected, options, tools.signal);
      return staged;
    } catch (error) {
      await staged.discard();
      throw error;
    }
  }

  /** What an earlier operation kept in the volume is made ready to take its place again. */
  static async takeKept(lock: LockedVolume, tools: Tools): Promise<StagedContents> {
    const staged = new StagedContents(lock, lock.stagingId, tools);
    const { status, messages } = await lock.callSurely(["take_kept", lock.stagingId]);
    if (status === 0) return staged;
    await staged.discard();
    throw new DockformError("failed", `cannot use what was kept: ${messages.at(-1) ?? status}`, {
      hint: "The present contents are in place.",
    });
  }

  /** What is kept goes for good. A failure to remove it from the disk is a warning. */
  static async discardKept(lock: LockedVolume, tools: Tools): Promise<void> {
    const staged = new StagedContents(lock, lock.stagingId, tools);
    await staged.#tidy(["forget_kept", lock.stagingId], "what was kept");
  }

  /** The staging folder of an id, in whatever state it is. */
  static of(lock: LockedVolume, id: string, tools: Tools): StagedContents {
    return new StagedContents(lock, id, tools);
  }

  /** What was extracted lacks this, having been allowed to. */
  get leftOut(): readonly LostGroup[] {
    return this.#leftOut;
  }

  /** There was to be a way back, and what is in place cannot be renamed: it stays, and so do the old contents. */
  get staysForward(): boolean {
    return this.#staysForward;
  }

  /** Where the old contents are, once they are not in the volume any more for want of room. */
  get safety(): Safety | undefined {
    return this.#safety;
  }

  /**
   * Puts what is ready in the place of the present contents by renames alone. A helper that dies
   * meanwhile is followed by another, which brings the swap to its end.
   *
   * @param keep what is to be kept of the present contents; without, they go in the end.
   * @throws DockformError `failed` with the present contents in place.
   * @throws UndecidedSwapError when neither the one nor the other could be put in place.
   */
  async swap(keep?: AboutKept): Promise<void> {
    if (this.#paths !== undefined) await this.#limitTo(this.#paths);
    const reply = await this.#surely(["swap", this.#id, ...aboutWord(keep)], ["recover", this.#id]);
    if (reply.facts.has("swapped")) return;
    const cause = causeIn(reply);
    if (!reply.facts.has("swapped_back")) throw this.undecided(cause);
    throw new DockformError("failed", `the new contents could not be put in place: ${cause}`, {
      hint: `The old contents are in place, complete.${reply.facts.get("unmovable")?.startsWith("18 ") === true ? " The file system does not move everything to another folder: run the restore with --in-place." : ""}`,
    });
  }

  async #limitTo(paths: readonly ByteText[]): Promise<void> {
    const verb = ["limit_to", this.#id, ...paths.map(toWord)] as const;
    const { status } = await this.#surely(verb);
    if (status === 0) return;
    throw new DockformError(
      "failed",
      "the paths of the volume are not what they were a moment ago",
      {
        hint: "The old contents are in place. Run the command again.",
      },
    );
  }

  /**
   * After a swap: puts the old contents in place again.
   *
   * @param keep what is to be kept of the new contents; without, they go in the end.
   * @returns which contents are in place: the new ones stay where they cannot be renamed.
   * @throws UndecidedSwapError when that could not be finished.
   */
  async swapBack(keep?: AboutKept): Promise<"returned" | "after"> {
    const verb = ["swap_back", this.#id, ...aboutWord(keep)] as const;
    const reply = await this.#surely(verb);
    if (reply.facts.has("returned")) return "returned";
    if (!reply.facts.has("stays")) throw this.undecided(causeIn(reply));
    this.#staysForward = true;
    return "after";
  }

  /**
   * Puts what was extracted into a volume that was cleared: new contents, or the old ones again. From here on a
   * recovery does the same.
   *
   * @throws UndecidedSwapError.
   */
  async fillIn(what: "after" | "returned"): Promise<void> {
    const reply = await this.#surely(["accept", this.#id, ...(what === "returned" ? [what] : [])]);
    if (reply.status !== 0) throw this.undecided(causeIn(reply));
    const inPlace = await this.recover();
    if (inPlace !== what) throw this.undecided("what was extracted is not there any more");
  }

  /**
   * Makes sure that the operation is still this client's to end: its helper may have died, and another client
   * may have ended it.
   *
   * @throws DockformError `failed` when somebody has; UndecidedSwapError when nobody can tell.
   */
  async holdOn(): Promise<void> {
    if ((await this.#surely(["resume", this.#id])).status === 0) return;
    const { name } = this.#lock.volume;
    throw new DockformError(
      "failed",
      `another client has ended the operation on volume "${name}" meanwhile`,
      { hint: "What is in place, and which containers run, is that one's doing: it has said so." },
    );
  }

  /**
   * Brings a swap that was cut short to its end.
   *
   * @returns which contents are in place: those from `before` the operation, never replaced or put back
   * (`returned`), or those that it brought (`after`); or where those are that have to be brought back.
   * @throws UndecidedSwapError when that could not be finished.
   */
  async recover(): Promise<"before" | "returned" | "after" | Safety> {
    const verb = ["recover", this.#id] as const;
    const reply = await this.#surely(verb);
    const needed = reply.facts.get("needs_safety");
    const safety = needed ?? reply.facts.get("safety");
    if (safety !== undefined) this.#safety = parseSafety(safety);
    if (reply.facts.has("stays")) this.#staysForward = true;
    if (reply.facts.has("swapped_back")) return "before";
    if (reply.facts.has("returned")) return "returned";
    if (reply.facts.has("swapped")) return "after";
    if (needed !== undefined) return parseSafety(needed);
    throw this.undecided(causeIn(reply));
  }

  /** Makes the staging folder before there is anything to put into it. */
  async begin(): Promise<void> {
    const { status, messages } = await this.#lock.callSurely(["begin", this.#id]);
    if (status === 0) return;
    const cause = messages.at(-1) ?? `status ${status}`;
    throw new DockformError("failed", `cannot write to the volume: ${cause}`, {
      hint: "The contents are as they were. Check the file system under the volume.",
    });
  }

  /**
   * Removes the present contents before there is anything to take their place.
   *
   * @throws DockformError `failed` with the present contents in place, and the folder for the caller to discard.
   * @throws PartlyClearedError, UndecidedSwapError.
   */
  async clear({ archivePath, client }: Safety): Promise<void> {
    this.#safety = { archivePath, client };
    const verb = ["clear", this.#id, encodeURIComponent(JSON.stringify(this.#safety))] as const;
    const reply = await this.#surely(verb);
    if (reply.facts.has("cleared")) return;
    const cause = causeIn(reply);
    const inPlace = await this.recover();
    if (typeof inPlace !== "string") throw new PartlyClearedError(this.#lock, cause);
    if (inPlace !== "before") throw this.undecided(cause);
    throw new DockformError("failed", `the old contents could not be moved: ${cause}`, {
      hint: "They are in place, complete.",
    });
  }

  /** Takes away what was made ready and not put in place. A failure to do so is a warning. */
  async discard(): Promise<void> {
    await this.#tidy(["discard", this.#id], "what was made ready");
  }

  /** Takes away what is left of an operation that failed, whether it got to replace anything or not. */
  async putAway(): Promise<void> {
    await ((await this.recover()) === "before" ? this.discard() : this.conclude());
  }

  /**
   * After a swap: takes away what was replaced, or keeps it where that was asked for. A failure to do
   * so is a warning.
   *
   * @returns what is kept; `undefined` when nothing is.
   */
  async conclude(): Promise<KeptContents | undefined> {
    const reply = await this.#tidy(["conclude", this.#id], "the old contents");
    return reply === undefined ? undefined : keptIn(reply);
  }

  /** After a swap: what was replaced is to be kept, too; `false` where it cannot be. */
  async keepReplaced(about: AboutKept): Promise<boolean> {
    return (await this.#surely(["keep", this.#id, aboutToWord(about)])).status === 0;
  }

  /** What stands between old and new stays for a recovery to find. */
  undecided(cause: string): UndecidedSwapError {
    this.#lock.abandon();
    return new UndecidedSwapError(this.#lock, this.#id, cause, this.#safety);
  }

  /** Without the command's signal: what has begun is finished. */
  async #surely(verb: readonly [string, ...string[]], instead = verb): Promise<HelperReply> {
    try {
      return await this.#lock.callSurely(verb, instead);
    } catch (error) {
      throw this.undecided(messageOf(error));
    }
  }

  async #tidy(
    verb: readonly [string, ...string[]],
    what: string,
  ): Promise<HelperReply | undefined> {
    try {
      const reply = await this.#lock.callSurely(verb);
      await this.#tellOfAside(reply);
      if (reply.status === 0) return reply;
      if (reply.facts.has("put_away")) await this.#cannotRemove(what, reply);
      else this.#leave(what, causeIn(reply));
      return reply;
    } catch (error) {
      this.#leave(what, messageOf(error));
      return undefined;
    }
  }

  async #tellOfAside({ facts }: HelperReply): Promise<void> {
    const aside = facts.get("aside");
    if (aside === undefined) return;
    const { name } = this.#lock.volume;
    this.#tools.log.warn(`${asideText(name, aside)}. ${asideAdvice(name)}`);
    try {
      await recordAside(this.#lock, aside);
    } catch (error) {
      this.#tools.log.warn(`\`doctor\` will not tell of it: ${messageOf(error)}`);
    }
  }

  async #cannotRemove(what: string, reply: HelperReply): Promise<void> {
    const found = leftoversIn(reply);
    await recordLeftovers(this.#lock, found);
    const advice = found.map((leftover) => leftoverAdvice(this.#lock.volume, leftover));
    this.#tools.log.warn(
      `cannot remove ${what} from the volume's folder .dockform-trash-${this.#id}: ${causeIn(reply)}. ${advice.join(" ")}`,
    );
  }

  /** The engine is to know that the operation has not come to its end. */
  #leave(what: string, cause: string): void {
    this.#lock.abandon();
    const { name } = this.#lock.volume;
    this.#tools.log.warn(
      `cannot put away ${what}, which is in the volume's folder .dockform-${this.#id}: ${cause}. Run \`dockform volume recover ${name}\` before anything else.`,
    );
  }

  /**
   * Extracts an archive, flushes it to the disk and checks it; with `verify` entry by entry. What a failure
   * leaves is the caller's.
   *
   * @throws DockformError `failed`, `integrity`.
   */
  async extract(
    archive: ArchiveSource,
    expected: ArchiveContents,
    { verify, paths, ...doesWithout }: ExtractOptions,
    signal: AbortSignal,
  ): Promise<void> {
    this.#paths = paths;
    const limits = await this.findLimits(archive, expected, doesWithout, signal);
    const tookRoot = await this.#extract(archive, expected, { ...doesWithout, ...limits }, signal);
    await this.refuseInside(archive.path, "The archive would go with the old contents.");
    if (!verify) return;
    const without = { ...doesWithout, leftOut: this.#leftOut, tookRoot };
    await verifyStaged(this.#lock, archive, without, { ...this.#tools, signal });
  }

  /**
   * What the volume's file system can hold of an archive, found out with little files in the staging folder.
   *
   * @throws DockformError `refused` when it cannot hold what the archive needs and may not be left out.
   */
  async findLimits(
    archive: ArchiveSource,
    expected: ArchiveContents,
    doesWithout: DoesWithout,
    signal = this.#tools.signal,
  ): Promise<TargetLimits> {
    const tools = { ...this.#tools, signal };
    return findLimits(this.#lock, this.#id, archive, expected, doesWithout, tools);
  }

  /**
   * A file of this machine's may lie inside the volume, by whatever name: then our own folder is beside it
   * or above it.
   *
   * @throws DockformError `refused`.
   */
  async refuseInside(path: string, consequence: string): Promise<void> {
    const real = await realPath(path);
    for (let folder = dirname(real); folder !== dirname(folder); folder = dirname(folder)) {
      if (!(await isThere(join(folder, `.dockform-${this.#id}`)))) continue;
      throw new DockformError("refused", `${path} lies inside volume "${this.#lock.volume.name}"`, {
        hint: `${consequence} The contents are as they were. Keep snapshots elsewhere, and copy this one there first.`,
      });
    }
  }

  /** @returns whether the archive has the root folder's own metadata. */
  async #extract(
    archive: ArchiveSource,
    expected: ArchiveContents,
    doesWithout: DoesWithout & TargetLimits,
    signal: AbortSignal,
  ): Promise<boolean> {
    const { hasNoAcls, silentlyLeftOut } = doesWithout;
    const { startProgress, log } = this.#tools;
    const progress = startProgress("Extracting", archive.storedBytes);
    progress.report({ totalEntries: expected.entries });
    try {
      const digest = new Digest(progress);
      const words = [...(hasNoAcls ? ["no_acls"] : []), ...noSetId(silentlyLeftOut)];
      const records = String(tarRecordLimit(expected.tarBytes));
      const reply = await this.#lock.helper.send(
        (input) => ["extract", this.#id, input, archive.compression, records, ...words],
        archive.chunks(digest),
        signal,
        progress.report,
      );
      if (reply.facts.has("over_limit")) throw archive.damaged(moreThanCounted(expected.tarBytes));
      const outcome = tarOutcome(reply, (group) => mayLeaveOut(doesWithout, group));
      const { failure, remarks, tarBytes, entries } = outcome;
      if (failure !== undefined && !outcome.goesOn) {
        throw cannotExtract(archive, failure, withoutAdvice(reply.groups, doesWithout));
      }
      const flaw = shortcoming(outcome);
      if (flaw !== undefined) throw archive.damaged(flaw);
      for (const remark of remarks) log.warn(remark);
      if (digest.sha256() !== expected.sha256) {
        throw archive.damaged("it is not what was checked a moment ago");
      }
      if (tarBytes !== expected.tarBytes || entries !== expected.entries) {
        throw archive.damaged(
          `it holds ${entries} entries and ${tarBytes} bytes as tar, and ${expected.entries} and ${expected.tarBytes} were counted before`,
        );
      }
      this.#leftOut = [...outcome.leftOut, ...silentlyLeftOut];
      for (const leftOut of this.#leftOut) log.warn(leftOutText(leftOut));
      if (reply.facts.get("tar_status") !== "0") await this.#finishExtract(archive, signal);
      const reservedName = reply.facts.get("left_out");
      if (reservedName !== undefined) {
        log.warn(
          `${reservedName} of the archive is left out: this program keeps that name for itself`,
        );
      }
      return reply.facts.get("roots") !== "0";
    } finally {
      progress.end();
    }
  }

  /** tar failed, but for nothing that was not to be left out. */
  async #finishExtract(archive: ArchiveSource, signal: AbortSignal): Promise<void> {
    const verb = ["finish_extract", this.#id, ...noSetId(this.#leftOut)] as const;
    const reply = await this.#lock.helper.call(verb, signal);
    if (reply.status !== 0) throw cannotExtract(archive, causeIn(reply));
  }
}

/** What a volume keeps, looked up in the volume itself. */
export async function measureKept(lock: LockedVolume): Promise<KeptContents | undefined> {
  return keptIn(await lock.callSurely(["measure_kept"]));
}

function keptIn({ facts }: HelperReply): KeptContents | undefined {
  const about = facts.get("kept");
  if (about === undefined) return undefined;
  return { ...parseAbout(about), bytes: Number(facts.get("kept_kilobytes")) * 1024 };
}

/** A file that did not get its owner must not run as another one. */
function noSetId(leftOut: readonly LostGroup[]): readonly string[] {
  return leftOut.some(({ aspect }) => aspect === "owners") ? ["no_set_id"] : [];
}

/** Our own writing. */
function parseSafety(word: string): Safety {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return JSON.parse(decodeURIComponent(word)) as Safety;
}

function aboutWord(about: AboutKept | undefined): readonly string[] {
  return about === undefined ? [] : [aboutToWord(about)];
}

function causeIn({ messages, status }: HelperReply): string {
  return messages.at(-1) ?? `status ${status}`;
}

function cannotExtract(archive: ArchiveSource, failure: string, advice = ""): DockformError {
  return new DockformError("failed", `cannot extract ${archive.path}: ${failure}`, {
    hint: `The old contents are in place.${advice}`,
  });
}
