import { mkdir, mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { attempt, needProgram, run } from "../oracle/host.ts";

const SBIN = { env: { PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin` } };
const IMAGE_BYTES = 64 << 20;

/** exFAT, as on a memory card: no owners, modes, attributes, links or devices. */
export class ExfatFileSystem implements AsyncDisposable {
  readonly folder: string;
  readonly #place: string;
  readonly #device: string;

  private constructor(place: string, device: string, folder: string) {
    this.#place = place;
    this.#device = device;
    this.folder = folder;
  }

  static async create(): Promise<ExfatFileSystem> {
    const place = await mkdtemp(join(tmpdir(), "dockform-fs-"));
    const [image, folder] = [join(place, "image"), join(place, "mounted")];
    const mkfs = await needProgram("/usr/sbin/mkfs.exfat", "exfatprogs");
    const mount = await needProgram("/usr/sbin/mount.exfat-fuse", "exfat-fuse");
    await writeFile(image, "");
    await truncate(image, IMAGE_BYTES);
    await run(mkfs, [image]);
    const device = (await run("losetup", ["--find", "--show", image], SBIN)).toString().trim();
    await mkdir(folder);
    await run(mount, ["-o", "allow_other", device, folder]);
    return new ExfatFileSystem(place, device, folder);
  }

  bind(): Readonly<Record<string, string>> {
    return { type: "none", o: "bind", device: this.folder };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await attempt("umount", ["--lazy", this.folder]);
    await attempt("losetup", ["--detach", this.#device], SBIN);
    await rm(this.#place, { recursive: true, force: true });
  }
}
