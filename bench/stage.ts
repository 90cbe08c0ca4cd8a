import { mkdir, mkdtemp, readdir, rm, truncate, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { EngineClient } from "../src/engine/client.ts";
import { listOf, objectOf, optional, text } from "../src/engine/shape.ts";
import { createVolume, removeVolume } from "../src/engine/volumes.ts";
import { startPrivateEngine, type PrivateEngine } from "../test/engine/private-engine.ts";
import { measure, type Command, type Run } from "./measure.ts";

const CLI = new URL("../bin/dockform.cjs", import.meta.url).pathname;
const DISK_BYTES = 32 * 2 ** 30;

/** A volume's name and its folder on this machine. */
export interface StageVolume {
  readonly name: string;
  readonly folder: string;
}

/**
 * What the cases work on: a private engine, and a file system of their own in a file on this
 * machine's disk, so that both sides meet the same free space and removing costs little.
 */
export class Stage implements AsyncDisposable {
  readonly engine: EngineClient;
  /** On the disk under test. */
  readonly folder: string;
  /** In memory, for what a disk would take minutes for. */
  readonly memoryFolder: string;
  readonly #privateEngine: PrivateEngine;
  readonly #place: string;

  private constructor(privateEngine: PrivateEngine, place: string) {
    this.engine = new EngineClient({ context: "default", host: privateEngine.host });
    this.#privateEngine = privateEngine;
    this.#place = place;
    this.folder = join(place, "disk");
    this.memoryFolder = join(place, "memory");
  }

  static async open(): Promise<Stage> {
    const place = await mkdtemp("/var/tmp/dockform-bench-");
    // Before the engine starts, which has its own view of mounts from then on.
    await mountDisk(join(place, "disk.img"), join(place, "disk"));
    await mountMemory(join(place, "memory"));
    await mkdir(join(place, "unseen"));
    return new Stage(await startPrivateEngine(), place);
  }

  get host(): string {
    return this.#privateEngine.host;
  }

  async volume(name: string, parent = this.folder): Promise<StageVolume> {
    const folder = join(parent, "volumes", name);
    await mkdir(folder, { recursive: true });
    const driverOpts = { type: "none", o: "bind", device: folder };
    await createVolume(this.engine, { name, driver: "local", driverOpts, labels: {} });
    return { name, folder };
  }

  async removeVolume({ name, folder }: StageVolume): Promise<void> {
    await removeVolume(this.engine, name);
    await rm(folder, { recursive: true });
  }

  /** Measures after what the runs before have left to write is on the disk. */
  async run(command: Command): Promise<Run> {
    await measure(["sync"]);
    return measure(command, {
      env: { ...process.env, DOCKER_HOST: this.host },
      cgroup: basename(this.#privateEngine.folder),
    });
  }

  /** The packed program. */
  dockform(...args: readonly string[]): Command {
    return [process.execPath, CLI, ...args];
  }

  /** The same where the engine does not see this machine's folders: data goes through execs. */
  dockformByExec(...args: readonly string[]): Command {
    const script = 'mount -t tmpfs tmpfs "$TMPDIR" && exec "$@"';
    return [
      "unshare",
      "--mount",
      "env",
      `TMPDIR=${join(this.#place, "unseen")}`,
      "sh",
      "-c",
      script,
      "sh",
      ...this.dockform(...args),
    ];
  }

  /** Takes a snapshot and answers the path of its data; those before are gone. */
  async snapshot(
    volumes: readonly string[],
    how: (...args: readonly string[]) => Command = (...args) => this.dockform(...args),
  ): Promise<Run> {
    await rm(this.#snapshots, { recursive: true, force: true });
    return this.run(how("volume", "snapshot", ...volumes, "-o", this.#snapshots));
  }

  /** The data of the last snapshot. */
  async archive(volume: string): Promise<string> {
    const folder = join(this.#snapshots, volume);
    const name = (await readdir(folder)).find((each) => each.endsWith(".tar.zst"));
    if (name === undefined) throw new Error(`no snapshot in ${folder}`);
    return join(folder, name);
  }

  async restore(volume: string, archive: string, ...options: readonly string[]): Promise<Run> {
    return this.run(
      this.dockform("volume", "restore", "--undeclared", "--json", volume, archive, ...options),
    );
  }

  /** Puts back what a restore or an undo has kept. */
  async undo(volume: string, ...options: readonly string[]): Promise<Run> {
    return this.run(this.dockform("volume", "undo", "--undeclared", "--json", volume, ...options));
  }

  /** The program as it was at a commit, packed; `undefined` where the history does not go back to it. */
  async earlierBuild(commit: string): Promise<string | undefined> {
    const folder = join(this.#place, commit);
    await mkdir(folder);
    const unpack = 'git archive "$0" | tar -x -C "$1" && ln -s "$PWD/node_modules" "$1"';
    const pack = ["cd", '"$1"', "&&", '"$2"', "node_modules/.bin/rolldown -c rolldown.config.ts"];
    const script = `set -e; ${unpack}; test -e "$1/src"; ${pack.join(" ")}`;
    try {
      await measure(["sh", "-c", script, commit, folder, process.execPath]);
    } catch {
      return undefined;
    }
    return join(folder, "bin/dockform.cjs");
  }

  get #snapshots(): string {
    return join(this.folder, "snapshots");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.engine.close();
    await this.#privateEngine.stop();
    for (const folder of [this.folder, this.memoryFolder]) {
      await measure(["umount", "--lazy", folder]);
    }
    await rm(this.#place, { recursive: true, force: true });
  }
}

/** The image that helpers run, for containers to compare with. */
export async function helperImageOf(stage: Stage): Promise<string> {
  const reference = await findHelperImage(stage.engine);
  if (reference !== undefined) return reference;
  // A first snapshot makes it.
  const volume = await stage.volume("bench-image");
  await stage.snapshot([volume.name]);
  await stage.removeVolume(volume);
  return helperImageOf(stage);
}

const IMAGES = listOf(objectOf({ RepoTags: optional(listOf(text)) }));

async function findHelperImage(engine: EngineClient): Promise<string | undefined> {
  const images = await engine.ask("GET", "/images/json", IMAGES, {
    query: { filters: JSON.stringify({ reference: ["dockform-helper"] }) },
  });
  return images[0]?.RepoTags?.[0];
}

async function mountMemory(folder: string): Promise<void> {
  await mkdir(folder);
  await measure(["mount", "-t", "tmpfs", "-o", "size=80%,nr_inodes=0", "tmpfs", folder]);
}

async function mountDisk(image: string, folder: string): Promise<void> {
  await mkdir(folder);
  await writeFile(image, "");
  await truncate(image, DISK_BYTES);
  const env = { ...process.env, PATH: `${process.env["PATH"]}:/usr/sbin:/sbin` };
  await measure(["mkfs.ext4", "-q", "-F", "-m", "0", image], { env });
  const { stdout } = await measure(["losetup", "--find", "--show", "--direct-io=on", image], {
    env,
  });
  // Not the file system's own set-up work in the background.
  await measure(["mount", "-o", "noinit_itable", stdout.trim(), folder], { env });
  // Gone with the mount.
  await measure(["losetup", "--detach", stdout.trim()], { env });
  await rm(join(folder, "lost+found"), { recursive: true });
}
