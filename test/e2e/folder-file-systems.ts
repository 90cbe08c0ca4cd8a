/** File systems that have no disk of their own: what lies in their folders is a folder elsewhere, or memory. */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { attempt, needProgram, run } from "../oracle/host.ts";

interface Options {
  /** Where an engine sees what is mounted, if not in this process's temporary folder. */
  readonly under?: string;
}

/** Without a second in which a new link is not seen yet. */
const MERGERFS_OPTIONS = [
  "allow_other",
  "use_ino",
  "minfreespace=0",
  "cache.attr=0",
  "cache.entry=0",
].join(",");

/** A mounted folder for bind volumes. */
export class FolderFileSystem implements AsyncDisposable {
  /** Its root, as this machine sees it. */
  readonly folder: string;
  readonly #place: string;

  private constructor(place: string) {
    this.#place = place;
    this.folder = join(place, "mounted");
  }

  /** In memory, for as long as it is mounted. */
  static async tmpfs({
    bytes,
    ...options
  }: Options & { readonly bytes: number }): Promise<FolderFileSystem> {
    const made = await FolderFileSystem.#make(options, []);
    await run("mount", ["-t", "tmpfs", "-o", `size=${bytes}`, "tmpfs", made.folder]);
    return made;
  }

  /**
   * An overlay.
   *
   * @param fillLower puts into the lower folder what is in the file system from the beginning: a folder that comes
   * from there cannot be renamed (EXDEV). Without it the lower folder is empty.
   */
  static async overlay({
    fillLower,
    ...options
  }: Options & {
    readonly fillLower?: (folder: string) => Promise<void>;
  } = {}): Promise<FolderFileSystem> {
    const made = await FolderFileSystem.#make(options, ["lower", "upper", "work"]);
    const [lower, upper, work] = ["lower", "upper", "work"].map((name) => made.part(name));
    await fillLower?.(made.part("lower"));
    const layers = `lowerdir=${lower},upperdir=${upper},workdir=${work}`;
    await run("mount", ["-t", "overlay", "-o", layers, "overlay", made.folder]);
    return made;
  }

  /**
   * Two branches, as on home servers: a folder can be renamed within its branch only (EXDEV).
   *
   * @param fillBranches puts into either branch what is there from the beginning.
   * @param policy where new entries are made: by default on the first branch that has their folder. Home servers
   * take that of them with the most free space, which on the one disk of a test may be either at any moment.
   */
  static async mergerfs({
    fillBranches,
    policy = "epff",
    ...options
  }: Options & {
    readonly policy?: "epff" | "pfrd";
    readonly fillBranches?: (one: string, other: string) => Promise<void>;
  } = {}): Promise<FolderFileSystem> {
    const made = await FolderFileSystem.#make(options, ["one", "other"]);
    const [one, other] = [made.part("one"), made.part("other")];
    await fillBranches?.(one, other);
    const mergerfs = await needProgram("/usr/bin/mergerfs", "mergerfs");
    await run(mergerfs, [
      "-o",
      `${MERGERFS_OPTIONS},category.create=${policy}`,
      `${one}:${other}`,
      made.folder,
    ]);
    return made;
  }

  /**
   * A folder seen through FUSE, where what tar sets as times comes out as the moment of extraction.
   *
   * @param options of bindfs, such as `--xattr-none`.
   */
  static async bindfs({
    options = [],
    ...where
  }: Options & { readonly options?: readonly string[] } = {}): Promise<FolderFileSystem> {
    const made = await FolderFileSystem.#make(where, ["behind"]);
    const bindfs = await needProgram("/usr/bin/bindfs", "bindfs");
    await run(bindfs, [...options, made.part("behind"), made.folder]);
    return made;
  }

  /** A folder of another machine's, which here is this one: no attributes, no ACLs, no devices. */
  static async sshfs(where: Options = {}): Promise<FolderFileSystem> {
    const made = await FolderFileSystem.#make(where, ["behind"]);
    const sshfs = await needProgram("/usr/bin/sshfs", "sshfs");
    const server = await needProgram("/usr/lib/openssh/sftp-server", "openssh-sftp-server");
    const ssh = made.part("ssh");
    await writeFile(ssh, `#!/bin/sh\nexec ${server}\n`, { mode: 0o755 });
    const options = `allow_other,ssh_command=${ssh}`;
    await run(sshfs, ["-o", options, `nowhere:${made.part("behind")}`, made.folder]);
    return made;
  }

  static async #make(
    { under = tmpdir() }: Options,
    parts: readonly string[],
  ): Promise<FolderFileSystem> {
    const made = new FolderFileSystem(await mkdtemp(join(under, "dockform-fs-")));
    for (const name of ["mounted", ...parts]) await mkdir(made.part(name));
    return made;
  }

  /** A folder under the file system: `lower`, `upper`, or a branch, `one` or `other`. */
  part(name: string): string {
    return join(this.#place, name);
  }

  /** For a volume of the `local` driver that is a folder in this file system. */
  bind(folder = "."): Readonly<Record<string, string>> {
    return { type: "none", o: "bind", device: join(this.folder, folder) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await attempt("umount", ["--lazy", this.folder]);
    await rm(this.#place, { recursive: true, force: true });
  }
}
