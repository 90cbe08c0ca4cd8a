import { constants } from "node:fs";
import {
  chmod,
  lchown,
  link,
  lutimes,
  mkdir,
  open,
  rm,
  symlink,
  type FileHandle,
} from "node:fs/promises";
import { spawn } from "node:child_process";
import { DockformError, messageOf, systemCode } from "../errors.ts";
import type { TarEntry } from "../tar/entries.ts";
import type { ByteText } from "../tar/header.ts";
import { displayText, ROOT_PATH } from "../tar/path.ts";
import { cannotWrite } from "./destination.ts";
import type { HeldFolder, Kind } from "./held-folder.ts";
import type { Privileges } from "./privileges.ts";

const SHOWN_MAX = 5;
const NANOSECONDS = 1e9;
const SET_OWNER = 0o6000;

/** What is written once everything is there: a folder's time changes with what is made in it. */
interface Metadata {
  readonly path: ByteText;
  readonly entry: TarEntry;
}

/**
 * A folder that files of an archive are written into, and nothing beside it. Every step of a path is
 * looked at before it is taken: it is a folder, and no link. Names are bytes, as in the archive.
 */
export class ConfinedFolder {
  readonly #folder: HeldFolder;
  readonly #parentModes: ReadonlyMap<ByteText, number>;
  readonly #privileges: Privileges;
  readonly #madeFolders: Metadata[] = [];
  /** Folders that no entry had told of when something was to go into them. */
  readonly #untoldFolders = new Set<ByteText>();
  readonly #attributes: { readonly path: ByteText; readonly xattrs: TarEntry["xattrs"] }[] = [];
  readonly #notOwned = new Set<ByteText>();
  readonly #problems = new Map<string, string[]>();
  /** The last parent that was looked at: most entries share it with the one before. */
  #checkedParent: ByteText | undefined;

  /**
   * @param folder one that nobody else can enter
   * @param parentModes modes of folders that are not extracted themselves
   */
  constructor(
    folder: HeldFolder,
    parentModes: ReadonlyMap<ByteText, number>,
    privileges: Privileges,
  ) {
    this.#folder = folder;
    this.#parentModes = parentModes;
    this.#privileges = privileges;
  }

  async makeFolder(path: ByteText, entry: TarEntry): Promise<void> {
    // The folder that all goes into is somebody's own.
    if (path === ROOT_PATH) return;
    await this.#makeParents(path);
    if ((await this.#kindOf(path)) === "none") {
      // Closed to others until it gets its own owner and mode.
      await this.#orFailed(path, mkdir(this.#place(path), { mode: 0o700 }));
    } else if (!this.#untoldFolders.has(path)) {
      return;
    }
    this.#madeFolders.push({ path, entry });
  }

  /** Writes a file with its holes. One that is not finished is taken away: it would pass for whole. */
  async writeFile(path: ByteText, entry: TarEntry): Promise<void> {
    await this.#makeParents(path);
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    const file = await this.#open(path, flags);
    await using unfinished = new AsyncDisposableStack();
    unfinished.defer(() => this.#orFailed(path, rm(this.#place(path))));
    await this.#orFailed(path, this.#writeContent(file, entry));
    unfinished.move();
    await this.#dress({ path, entry });
  }

  async link(path: ByteText, first: ByteText): Promise<void> {
    await this.#makeParents(path);
    await this.#orFailed(path, link(this.#place(first), this.#place(path)));
  }

  async makeSymlink(path: ByteText, entry: TarEntry): Promise<void> {
    await this.#makeParents(path);
    const target = Buffer.from(entry.linkTarget, "latin1");
    await this.#orFailed(path, symlink(target, this.#place(path)));
    await this.#dress({ path, entry });
  }

  /** A pipe or a device, which takes a program of the system. */
  async makeNode(path: ByteText, entry: TarEntry): Promise<void> {
    await this.#makeParents(path);
    const { type, device } = entry;
    const what = type === "fifo" ? "pipes" : "devices";
    const place = textOf(Buffer.from(path, "latin1"));
    if (place === undefined) return this.#addProblem(`${what} (a name that is not text)`, path);
    const numbers = device === undefined ? [] : [String(device.major), String(device.minor)];
    const kind = type === "fifo" ? "p" : type === "char" ? "c" : "b";
    const problem = await this.#run("mknod", ["-m", "600", "--", place, kind, ...numbers]);
    if (problem === undefined) await this.#dress({ path, entry });
    else this.#addProblem(`${what} (${problem})`, path);
  }

  /** Attributes, then the metadata of folders, the innermost first. */
  async finish(): Promise<void> {
    const folders = this.#madeFolders.toReversed();
    for (const { path, entry } of folders) await this.#giveOwner(path, entry);
    await this.#giveAttributes();
    for (const { path, entry } of folders.toSorted((a, b) => b.path.length - a.path.length)) {
      await this.#giveModeAndTime(path, entry);
    }
  }

  /** A line for each kind of thing that could not be restored, with the paths concerned. */
  notRestored(): readonly string[] {
    return [...this.#problems].map(([what, paths]) => {
      const more = paths.length > SHOWN_MAX ? ` and ${paths.length - SHOWN_MAX} more` : "";
      return `${what}: ${paths.slice(0, SHOWN_MAX).join(", ")}${more}`;
    });
  }

  async #makeParents(path: ByteText): Promise<void> {
    const parts = path.split("/").slice(0, -1);
    const parent = parts.join("/");
    if (parent === this.#checkedParent) return;
    for (let depth = 1; depth <= parts.length; depth += 1) {
      const folder = parts.slice(0, depth).join("/");
      const kind = await this.#kindOf(folder);
      if (kind === "other") throw leadsElsewhere(folder);
      // An archive need not hold the folders of its files.
      if (kind === "folder") continue;
      const mode = folderMode(this.#parentModes.get(folder));
      await this.#orFailed(folder, mkdir(this.#place(folder), { mode }));
      this.#untoldFolders.add(folder);
    }
    this.#checkedParent = parent;
  }

  async #kindOf(path: ByteText): Promise<Kind> {
    return this.#orFailed(path, this.#folder.kindOf(path));
  }

  async #open(path: ByteText, flags: number): Promise<FileHandle> {
    return this.#orFailed(path, open(this.#place(path), flags, 0o600));
  }

  async #writeContent(file: FileHandle, entry: TarEntry): Promise<void> {
    try {
      for await (const { positionBytes, bytes } of entry.data()) {
        for (let written = 0; written < bytes.length;) {
          const rest = bytes.length - written;
          written += (await file.write(bytes, written, rest, positionBytes + written)).bytesWritten;
        }
      }
      await file.truncate(entry.sizeBytes);
    } finally {
      await file.close();
    }
  }

  /** A new owner takes setuid bits away, so the mode comes after it. */
  async #dress({ path, entry }: Metadata): Promise<void> {
    await this.#giveOwner(path, entry);
    await this.#giveModeAndTime(path, entry);
  }

  async #giveOwner(path: ByteText, entry: TarEntry): Promise<void> {
    const xattrs = this.#privileges.allowedAttributes(path, entry);
    if (xattrs.size > 0) this.#attributes.push({ path, xattrs });
    else if (entry.acl.access !== "" || entry.acl.default !== "") this.#addProblem("ACLs", path);
    try {
      await lchown(this.#place(path), entry.uid, entry.gid);
    } catch (error) {
      this.#notOwned.add(path);
      this.#addProblem(`owners (${systemCode(error)})`, path);
    }
  }

  async #giveModeAndTime(path: ByteText, entry: TarEntry): Promise<void> {
    const place = this.#place(path);
    try {
      // A program must not run as somebody that it never belonged to.
      const allowed = this.#privileges.allowedMode(path, entry);
      const given = this.#notOwned.has(path) ? allowed & ~SET_OWNER : allowed;
      if (entry.type !== "symlink") await chmod(place, given);
      // A negative number would mean now; a text is taken as it is.
      const seconds = String(Number(entry.mtimeNs) / NANOSECONDS);
      await lutimes(place, seconds, seconds);
    } catch (error) {
      this.#addProblem(`modes or times (${messageOf(error)})`, path);
    }
  }

  /** In one call of setfattr, which reads what getfattr --dump writes. */
  async #giveAttributes(): Promise<void> {
    if (this.#attributes.length === 0) return;
    const dump = this.#attributes.map(({ path, xattrs }) =>
      [
        `# file: ${quotedForSetfattr(path)}`,
        ...[...xattrs].map(
          ([name, value]) => `${quotedForSetfattr(name)}=0x${value.toString("hex")}`,
        ),
        "",
      ].join("\n"),
    );
    const problem = await this.#run(
      "setfattr",
      ["-h", "--restore=-"],
      Buffer.from(`${dump.join("\n")}\n`, "latin1"),
    );
    if (problem === undefined) return;
    for (const { path } of this.#attributes) this.#addProblem(`attributes (${problem})`, path);
  }

  #place(path: ByteText): Buffer {
    return this.#folder.place(path);
  }

  /** A descriptor is another one in a program, so that begins in the folder. */
  async #run(
    program: string,
    args: readonly string[],
    input?: Buffer,
  ): Promise<string | undefined> {
    return runAlone(program, args, this.#folder.base.toString(), input);
  }

  #addProblem(what: string, path: ByteText): void {
    const paths = this.#problems.get(what) ?? [];
    paths.push(displayText(path));
    this.#problems.set(what, paths);
  }

  async #orFailed<Result>(path: ByteText, work: Promise<Result>): Promise<Result> {
    try {
      return await work;
    } catch (error) {
      if (error instanceof DockformError) throw error;
      throw cannotWrite(displayText(path), error);
    }
  }
}

function leadsElsewhere(folder: ByteText): DockformError {
  return new DockformError(
    "extract.not-a-folder",
    `${displayText(folder)} is not a folder, and entries belong into it`,
    {
      hint: "Extract into an empty folder.",
    },
  );
}

/**
 * The mode to make a folder with, less what the user's mask takes away: that of the archive's folder, as
 * far as we can still write into it.
 */
export function folderMode(mode = 0o777): number {
  return (mode & 0o777) | 0o700;
}

/** As getfattr writes names: everything out of the ordinary as a backslash and three octal digits. */
function quotedForSetfattr(text: ByteText): string {
  return text.replaceAll(
    /[^!-<>-[\]-~]/g,
    (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, "0")}`,
  );
}

/** Arguments of a program are texts to Node; `undefined` for bytes that are none. */
function textOf(place: Buffer): string | undefined {
  const text = place.toString();
  return Buffer.from(text).equals(place) ? text : undefined;
}

/** Runs a program of the system; returns why it did not work. */
async function runAlone(
  program: string,
  args: readonly string[],
  cwd: string,
  input: Buffer | undefined,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd, stdio: ["pipe", "ignore", "pipe"] });
    let said = "";
    child.stderr.on("data", (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(0, SAID_MAX);
    });
    child.once("error", () => resolve(`there is no program ${program}`));
    child.once("close", (code) => resolve(code === 0 ? undefined : said.trim().split("\n")[0]));
    child.stdin.on("error", () => {});
    child.stdin.end(input);
  });
}

const SAID_MAX = 1000;
