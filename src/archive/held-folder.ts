import { constants, type Stats } from "node:fs";
import { chmod, lstat, open, readdir, type FileHandle } from "node:fs/promises";
import { platform } from "node:os";
import { systemCode } from "../errors.ts";
import type { ByteText } from "../tar/header.ts";

/** Linux's flag for a descriptor that only says where something is; it needs no right to read. */
const O_PATH = 0o10000000;
const FOLDER_ITSELF = O_PATH | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/** What is at a name; a link is no folder, wherever it leads. */
export type Kind = "none" | "folder" | "other";

/**
 * A folder held by a descriptor: it stays this one, whoever renames it or a folder above it meanwhile.
 * Where the system has no such descriptors (other than Linux), it is a path.
 */
export class HeldFolder implements AsyncDisposable {
  readonly base: Buffer;
  readonly #handle: FileHandle | undefined;

  private constructor(base: Buffer, handle?: FileHandle) {
    this.base = base;
    this.#handle = handle;
  }

  /** @throws Error of the system, when this is no folder: a link is none. */
  static async open(place: Buffer): Promise<HeldFolder> {
    if (platform() !== "linux") {
      if ((await lstat(place)).isDirectory()) return new HeldFolder(place);
      throw Object.assign(new Error("not a directory"), { code: "ENOTDIR" });
    }
    const handle = await open(place, FOLDER_ITSELF);
    return new HeldFolder(Buffer.from(`/proc/self/fd/${handle.fd}`), handle);
  }

  /** The place of something in it, for one call of the system. */
  place(path: ByteText): Buffer {
    return Buffer.concat([this.base, Buffer.from(`/${path}`, "latin1")]);
  }

  /** @throws Error of the system, when there is no folder of this name: a link is none. */
  async enter(name: ByteText): Promise<HeldFolder> {
    return HeldFolder.open(this.place(name));
  }

  async names(): Promise<readonly ByteText[]> {
    const names = await readdir(this.base, { encoding: "buffer" });
    return names.map((name) => name.toString("latin1"));
  }

  async kindOf(path: ByteText): Promise<Kind> {
    try {
      return (await lstat(this.place(path))).isDirectory() ? "folder" : "other";
    } catch (error) {
      const code = systemCode(error);
      if (code === "ENOENT" || code === "ENOTDIR") return "none";
      throw error;
    }
  }

  /** Whether it is the folder of this name in that one. */
  async isAt(parent: HeldFolder, name: ByteText): Promise<boolean> {
    if ((await parent.kindOf(name)) !== "folder") return false;
    await using there = await parent.enter(name);
    const [{ ino, dev }, other] = await Promise.all([this.stat(), there.stat()]);
    return ino === other.ino && dev === other.dev;
  }

  async stat(): Promise<Stats> {
    return this.#handle === undefined ? lstat(this.base) : this.#handle.stat();
  }

  /** @param base where it is now, for systems that only know paths */
  async chmod(mode: number, base = this.base): Promise<void> {
    // The descriptor is none that fchmod takes.
    await chmod(this.#handle === undefined ? base : this.base, mode);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle?.close();
  }
}

/** A removal that may come too late, or find that somebody has put something in. */
export async function unlessGone(removal: Promise<void>): Promise<void> {
  try {
    await removal;
  } catch (error) {
    const code = systemCode(error) ?? "";
    if (!["ENOENT", "ENOTEMPTY", "EEXIST", "ENOTDIR"].includes(code)) throw error;
  }
}
