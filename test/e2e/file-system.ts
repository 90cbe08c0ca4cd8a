import { mkdir, mkdtemp, rename, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { attempt, run } from "../oracle/host.ts";

type RunProgram = (command: readonly string[]) => Promise<void>;

/** A small ext4 file system on a loop device, mounted here, too, so that a test can look into it. */
export class FileSystem implements AsyncDisposable {
  /** Its root, as this machine sees it. */
  readonly folder: string;
  readonly #place: string;
  #device: string;

  private constructor(place: string, device: string, folder: string) {
    this.#place = place;
    this.#device = device;
    this.folder = folder;
  }

  static async create(options: {
    readonly bytes: number;
    readonly inodes?: number;
    /** Whether it has one, and survives a loss of power. */
    readonly journal?: boolean;
    /** Whether it keeps the folder that mkfs makes for fsck. */
    readonly lostFound?: boolean;
  }): Promise<FileSystem> {
    const place = await mkdtemp(join(tmpdir(), "dockform-fs-"));
    const image = join(place, "image");
    await writeFile(image, "");
    await truncate(image, options.bytes);
    const inodes = options.inodes === undefined ? [] : ["-N", String(options.inodes)];
    const journal = options.journal === true ? "has_journal" : "^has_journal";
    await run(
      "mkfs.ext4",
      ["-q", "-F", "-b", "4096", "-m", "0", "-O", journal, ...inodes, image],
      SBIN,
    );
    const device = await attachImage(image);
    const folder = join(place, "mounted");
    await mkdir(folder);
    await run("mount", [device, folder]);
    if (options.lostFound !== true) await rm(join(folder, "lost+found"), { recursive: true });
    return new FileSystem(place, device, folder);
  }

  get device(): string {
    return this.#device;
  }

  /** For a volume of the `local` driver on this file system. */
  get driverOpts(): Readonly<Record<string, string>> {
    return { type: "ext4", device: this.device };
  }

  /** Makes a file in whose middle reading fails: the block that says where its data is is damaged. */
  async makeUnreadable(name: string): Promise<void> {
    const [file, other] = [join(this.folder, name), join(this.folder, "other")];
    // Blocks of two files in turns, so that neither's fit into the inode's own four extents.
    for (let i = 0; i < 20; i += 1) {
      for (const path of [file, other]) {
        await run("dd", ["if=/dev/urandom", `of=${path}`, ...DD_APPEND, "status=none"]);
      }
    }
    await rm(other);
    await run("umount", [this.folder]);
    const extents = await run("debugfs", ["-R", `ex /${name}`, this.device], SBIN);
    const block = /^\s*0\/\s*1 .* (\d+)\s+\d+\s*$/m.exec(extents.toString())?.[1];
    if (block === undefined) throw new Error(`no block of extents in ${extents.toString()}`);
    await run("dd", [`of=${this.device}`, `seek=${block}`, "if=/dev/urandom", ...DD_BLOCK]);
    await run("mount", [this.device, this.folder]);
  }

  /**
   * What a machine has after a loss of power: what was on the disk, and nothing of what was still in memory. The
   * device is another one then.
   *
   * @param elsewhere runs a program in another namespace in which it is mounted at the same place, if it is
   */
  async losePower(elsewhere: RunProgram = async () => {}): Promise<void> {
    const [image, onDisk] = [join(this.#place, "image"), join(this.#place, "on-disk")];
    // Before anything is unmounted, which writes the rest.
    await run("cp", ["--sparse=always", image, onDisk]);
    await elsewhere(["umount", "--lazy", this.folder]);
    await run("umount", ["--lazy", this.folder]);
    await run("losetup", ["--detach", this.#device], SBIN);
    await rename(onDisk, image);
    this.#device = await attachImage(image);
    await run("mount", [this.#device, this.folder]);
    await elsewhere(["mount", this.#device, this.folder]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await attempt("umount", ["--lazy", this.folder]);
    await attempt("losetup", ["--detach", this.device], SBIN);
    await rm(this.#place, { recursive: true, force: true });
  }
}

async function attachImage(image: string): Promise<string> {
  return (await run("losetup", ["--find", "--show", image], SBIN)).toString().trim();
}

const SBIN = { env: { PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin` } };

const DD_BLOCK = ["bs=4096", "count=1", "conv=notrunc,fsync", "status=none"];
const DD_APPEND = ["bs=4096", "count=1", "oflag=append", "conv=notrunc,fsync"];
