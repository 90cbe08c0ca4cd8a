import { constants } from "node:fs";
import { mkdir, mkdtemp, open, readFile, rename, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { attempt, needProgram, run } from "../oracle/host.ts";

export type DiskType = "ext4" | "xfs" | "btrfs";

export interface DiskOptions {
  readonly bytes: number;
  /** ext4 where nothing else is said. */
  readonly type?: DiskType;
  /** Of ext4. */
  readonly inodes?: number;
  /** Whether an ext4 has one, and survives a loss of power. */
  readonly journal?: boolean;
  /** Whether an ext4 keeps the folder that mkfs makes for fsck. */
  readonly lostFound?: boolean;
  /** Where an engine sees what is mounted, if not in this process's temporary folder. */
  readonly under?: string;
}

/** The smallest that mkfs makes. */
export const SMALLEST_BYTES: Readonly<Record<DiskType, number>> = {
  ext4: 1 << 20,
  xfs: 300 << 20,
  btrfs: 128 << 20,
};

const UNMOUNT_TIMEOUT_MS = 60_000;

/** A small file system on a loop device, mounted here, too, so that a test can look into it. */
export class FileSystem implements AsyncDisposable {
  /** Its root, as this machine sees it. */
  readonly folder: string;
  readonly type: DiskType;
  readonly #place: string;
  #device: string;

  private constructor(type: DiskType, place: string, device: string, folder: string) {
    this.type = type;
    this.#place = place;
    this.#device = device;
    this.folder = folder;
  }

  static async create(options: DiskOptions): Promise<FileSystem> {
    const { type = "ext4", under = tmpdir() } = options;
    const place = await mkdtemp(join(under, "dockform-fs-"));
    const image = join(place, "image");
    await writeFile(image, "");
    await truncate(image, options.bytes);
    await MAKE[type](image, options);
    const device = await attachImage(image);
    const folder = join(place, "mounted");
    await mkdir(folder);
    await mount(type, device, folder);
    if (type === "ext4" && options.lostFound !== true) {
      await rm(join(folder, "lost+found"), { recursive: true });
    }
    return new FileSystem(type, place, device, folder);
  }

  get device(): string {
    return this.#device;
  }

  /** For a volume of the `local` driver on this file system. */
  get driverOpts(): Readonly<Record<string, string>> {
    return { type: this.type, device: this.device };
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
    await this.#unmount();
    const extents = await run("debugfs", ["-R", `ex /${name}`, this.device], SBIN);
    const block = /^\s*0\/\s*1 .* (\d+)\s+\d+\s*$/m.exec(extents.toString())?.[1];
    if (block === undefined) throw new Error(`no block of extents in ${extents.toString()}`);
    await run("dd", [`of=${this.device}`, `seek=${block}`, "if=/dev/urandom", ...DD_BLOCK]);
    await mount(this.type, this.device, this.folder);
  }

  /**
   * Nothing of it is in memory afterwards. Whoever made a mount namespace of his own meanwhile has it mounted there as well,
   * for as long as that lasts.
   */
  async #unmount(): Promise<void> {
    await run("umount", [this.folder]);
    const deadline = performance.now() + UNMOUNT_TIMEOUT_MS;
    for (;;) {
      try {
        await (await open(this.device, constants.O_RDWR | constants.O_EXCL)).close();
        return;
      } catch (error) {
        if (performance.now() > deadline) throw error;
        await sleep(100);
      }
    }
  }

  /** Damages some bytes of a file's content, where they are on the disk: what has checksums does not read them. */
  async damage(name: string, offset: number): Promise<void> {
    const content = await readFile(join(this.folder, name));
    await this.#unmount();
    const bytes = content.subarray(offset, offset + DAMAGED_BYTES);
    const at = (await readFile(this.#device)).indexOf(bytes);
    if (at === -1) throw new Error(`${name} is not on the disk as it is`);
    const device = await open(this.#device, "r+");
    await device.write(Buffer.alloc(DAMAGED_BYTES), 0, DAMAGED_BYTES, at);
    await device.sync();
    await device.close();
    await mount(this.type, this.#device, this.folder);
  }

  /**
   * What a machine has after a loss of power: what was on the disk, and nothing of what was still in memory. The
   * device is another one then. Nothing may write to it meanwhile.
   */
  async losePower(): Promise<void> {
    const [image, onDisk] = [join(this.#place, "image"), join(this.#place, "on-disk")];
    // Before anything is unmounted, which writes the rest.
    await this.#copyWhileStill(image, onDisk);
    await run("umount", ["--lazy", this.folder]);
    await run("losetup", ["--detach", this.#device], SBIN);
    await rename(onDisk, image);
    this.#device = await attachImage(image);
    await mount(this.type, this.#device, this.folder);
  }

  /** The kernel may write what is in memory at any time; half of that is on no disk ever. */
  async #copyWhileStill(image: string, copy: string): Promise<void> {
    const written = (): Promise<string> =>
      readFile(`/sys/block/${basename(this.#device)}/stat`, "utf8").then((fields) =>
        fields.trim().split(/\s+/).slice(4, 9).join(" "),
      );
    for (let attempts = 0; attempts < COPY_ATTEMPTS; attempts += 1) {
      const before = await written();
      await run("cp", ["--sparse=always", image, copy]);
      if ((await written()) === before) return;
    }
    throw new Error(`${this.#device} is written to all the time`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await attempt("umount", ["--lazy", this.folder]);
    await attempt("losetup", ["--detach", this.device], SBIN);
    await rm(this.#place, { recursive: true, force: true });
  }
}

const COPY_ATTEMPTS = 20;
const DAMAGED_BYTES = 64;

const MAKE: Readonly<Record<DiskType, (image: string, options: DiskOptions) => Promise<unknown>>> =
  {
    ext4: (image, { inodes, journal }) => {
      const count = inodes === undefined ? [] : ["-N", String(inodes)];
      const feature = journal === true ? "has_journal" : "^has_journal";
      const args = ["-q", "-F", "-b", "4096", "-m", "0", "-O", feature, ...count, image];
      return run("mkfs.ext4", args, SBIN);
    },
    xfs: async (image) => run(await needProgram("/usr/sbin/mkfs.xfs", "xfsprogs"), ["-q", image]),
    btrfs: async (image) =>
      run(await needProgram("/usr/sbin/mkfs.btrfs", "btrfs-progs"), ["-q", image]),
  };

async function mount(type: DiskType, device: string, folder: string): Promise<void> {
  // The device from before a loss of power may not be quite gone yet.
  const options = type === "xfs" ? ["-o", "nouuid"] : [];
  await run("mount", ["-t", type, ...options, device, folder]);
}

async function attachImage(image: string): Promise<string> {
  return (await run("losetup", ["--find", "--show", image], SBIN)).toString().trim();
}

const SBIN = { env: { PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin` } };

const DD_BLOCK = ["bs=4096", "count=1", "conv=notrunc,fsync", "status=none"];
const DD_APPEND = ["bs=4096", "count=1", "oflag=append", "conv=notrunc,fsync"];
