import { randomBytes } from "node:crypto";
import { chmod, link, mkdir, rename, rm, rmdir, unlink } from "node:fs/promises";
import { DockformError, messageOf, systemCode } from "../errors.ts";
import type { ByteText } from "../tar/header.ts";
import { displayText, ROOT_PATH } from "../tar/path.ts";
import { unlessGone, type HeldFolder, type Kind } from "./held-folder.ts";
import { Walk } from "./walk.ts";

const OWNER_ALL = 0o700;
const OWNER_WRITES = 0o200;

/**
 * The folder that an extraction is for. All is built in a folder of its own that nobody else can enter, and
 * moved from there when it is finished. Others may own the destination and rename what they like in it.
 */
export class Destination implements AsyncDisposable {
  readonly #path: string;
  readonly #folder: HeldFolder;
  readonly #walk: Walk;
  readonly #userId: number | undefined;
  #build: { readonly name: ByteText; readonly folder: HeldFolder } | undefined;

  private constructor(path: string, folder: HeldFolder, walk: Walk, userId: number | undefined) {
    this.#userId = userId;
    this.#path = path;
    this.#folder = folder;
    this.#walk = walk;
  }

  /**
   * @param path absolute
   * @param mode of the folder where it is not there yet, less what the user's mask takes away
   * @param userId the number of the user that this process runs as, where users have numbers
   * @throws DockformError `refused` for a link that another user can change, `failed` when it cannot be made.
   */
  static async open(path: string, mode: number, userId: number | undefined): Promise<Destination> {
    const walk = new Walk(path, mode, userId);
    try {
      return new Destination(path, await walk.go(), walk, userId);
    } catch (error) {
      await walk[Symbol.asyncDispose]();
      if (systemCode(error) === "ELOOP") throw ledElsewhere(path, error);
      throw cannotWrite(path, error);
    }
  }

  /** @throws DockformError `refused` when one of these paths is taken by what is no folder. */
  async refuseTaken(paths: Iterable<ByteText>): Promise<void> {
    const kinds = new Map<ByteText, Kind>([[ROOT_PATH, "folder"]]);
    const taken: ByteText[] = [];
    for (const path of paths) {
      if ((await this.#kindOf(path, kinds)) === "other") taken.push(path);
    }
    if (taken.length > 0) throw this.#wouldOverwrite(taken);
  }

  /** A new folder in it that only we can enter. It stays ours when somebody gives it another name. */
  async build(): Promise<HeldFolder> {
    const name = `.dockform-extract-${randomBytes(8).toString("hex")}`;
    try {
      await mkdir(this.#folder.place(name), { mode: OWNER_ALL });
      const folder = await this.#folder.enter(name);
      // Nothing but ours may be emptied in the end.
      if (await isPrivate(folder, this.#userId)) {
        this.#build = { name, folder };
        return folder;
      }
      await folder[Symbol.asyncDispose]();
      throw new Error("another user changes it meanwhile");
    } catch (error) {
      throw cannotWrite(this.#path, error);
    }
  }

  /**
   * Moves what was built to its place; folders that are there are entered.
   *
   * @throws DockformError `refused` for a name that somebody else has taken meanwhile.
   */
  async take(): Promise<void> {
    if (this.#build === undefined) return;
    this.#walk.keep();
    await this.#moveAll(this.#build.folder, this.#folder, "");
  }

  /** Removes what was built and not moved, and, where nothing was, the folders that were made for it. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      if (this.#build !== undefined) await this.#removeBuild(this.#build);
    } finally {
      await this.#walk[Symbol.asyncDispose]();
    }
  }

  async #removeBuild({ name, folder }: { name: ByteText; folder: HeldFolder }): Promise<void> {
    try {
      for (const left of await folder.names()) {
        await rm(folder.place(left), { recursive: true, force: true });
      }
      // Under another name it is empty, and whoever gave it that one may have it.
      if (await folder.isAt(this.#folder, name)) await unlessGone(rmdir(this.#folder.place(name)));
    } finally {
      await folder[Symbol.asyncDispose]();
    }
  }

  /** Once something is missing, all below it is. Nothing is looked at through a link. */
  async #kindOf(path: ByteText, kinds: Map<ByteText, Kind>): Promise<Kind> {
    const unknown: ByteText[] = [];
    let above = path;
    for (; !kinds.has(above); above = parentOf(above)) unknown.push(above);
    let kind = kinds.get(above) ?? "folder";
    for (const next of unknown.toReversed()) {
      if (kind === "folder") kind = await this.#lookAt(next);
      kinds.set(next, kind);
    }
    return kind;
  }

  async #lookAt(path: ByteText): Promise<Kind> {
    return this.#folder.kindOf(path).catch((error: unknown) => {
      throw cannotWrite(displayText(path), error);
    });
  }

  async #moveAll(from: HeldFolder, to: HeldFolder, above: ByteText): Promise<void> {
    for (const name of await from.names()) {
      const path = above + name;
      try {
        await this.#move(from, to, name, path);
      } catch (error) {
        if (error instanceof DockformError) throw error;
        if (TAKEN.has(systemCode(error))) throw this.#wouldOverwrite([path], MOVED_BEFORE);
        throw cannotWrite(displayText(path), error, MOVED_BEFORE);
      }
    }
  }

  async #move(from: HeldFolder, to: HeldFolder, name: ByteText, path: ByteText): Promise<void> {
    if ((await from.kindOf(name)) !== "folder") return moveFile(from, to, name);
    if ((await to.kindOf(name)) !== "folder") return moveFolder(from, to, name);
    // It does not matter any more, and it may keep us out.
    await chmod(from.place(name), OWNER_ALL);
    await using inner = await from.enter(name);
    await using outer = await to.enter(name);
    await this.#moveAll(inner, outer, `${path}/`);
  }

  #wouldOverwrite(taken: readonly ByteText[], done = "Nothing was extracted."): DockformError {
    const more = taken.length === 1 ? "" : ` and ${taken.length - 1} more`;
    return new DockformError(
      "extract.would-overwrite",
      `${displayText(taken[0] ?? "")}${more} would be overwritten in ${this.#path}`,
      {
        hint: `${done} Name an empty folder, or move away what is there.`,
        data: { taken: taken.map(displayText) },
      },
    );
  }
}

function parentOf(path: ByteText): ByteText {
  const end = path.lastIndexOf("/");
  return end < 0 ? ROOT_PATH : path.slice(0, end);
}

const MOVED_BEFORE = "Names before it are in their places.";
const TAKEN: ReadonlySet<string | undefined> = new Set([
  "EEXIST",
  "ENOTEMPTY",
  "ENOTDIR",
  "EISDIR",
  "ELOOP",
]);
/** What file systems without hard links say to one. */
const NO_LINKS: ReadonlySet<string | undefined> = new Set([
  "EPERM",
  "EACCES",
  "ENOTSUP",
  "EOPNOTSUPP",
  "ENOSYS",
  "EMLINK",
]);

/** A second name cannot take the place of what has it already; a rename would. */
async function moveFile(from: HeldFolder, to: HeldFolder, name: ByteText): Promise<void> {
  try {
    await link(from.place(name), to.place(name));
  } catch (error) {
    if (!NO_LINKS.has(systemCode(error))) throw error;
    if ((await to.kindOf(name)) !== "none") {
      throw Object.assign(new Error("it exists"), { code: "EEXIST" });
    }
    return rename(from.place(name), to.place(name));
  }
  await unlink(from.place(name));
}

/** A folder that its owner may not write to cannot get another parent from him. */
async function moveFolder(from: HeldFolder, to: HeldFolder, name: ByteText): Promise<void> {
  await using folder = await from.enter(name);
  const mode = (await folder.stat()).mode & 0o7777;
  const isOpen = (mode & OWNER_WRITES) !== 0;
  if (!isOpen) await folder.chmod(mode | OWNER_WRITES);
  await rename(from.place(name), to.place(name));
  if (!isOpen) await folder.chmod(mode, to.place(name));
}

/** Somebody may have put another folder under its name before we had it. */
async function isPrivate(folder: HeldFolder, userId: number | undefined): Promise<boolean> {
  const { uid, mode } = await folder.stat();
  const isOurs = userId === undefined || uid === userId;
  return isOurs && (mode & 0o777) === OWNER_ALL && (await folder.names()).length === 0;
}

/** Why something cannot be written; what is built so far is removed. */
export function cannotWrite(
  path: string,
  error: unknown,
  done = "Nothing was extracted.",
): DockformError {
  return new DockformError("extract.unwritable", `cannot write ${path}: ${messageOf(error)}`, {
    hint: `${done} Fix the cause, then extract into an empty folder.`,
    cause: error,
  });
}

function ledElsewhere(path: string, error: unknown): DockformError {
  return new DockformError(
    "extract.not-a-folder",
    `the way to ${path} leads through a link that another user can change`,
    { hint: "Nothing was extracted. Name the folder that it leads to.", cause: error },
  );
}
