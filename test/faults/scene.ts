/** A volume that holds one of the known contents, with containers that use it: what faults happen to. */
import { copyFile, readdir, statfs } from "node:fs/promises";
import { join } from "node:path";
import {
  inspectContainer,
  listContainers,
  pauseContainer,
  startContainer,
  stopContainer,
  unpauseContainer,
} from "../../src/engine/containers.ts";
import { sidecarOf } from "../e2e/archives.ts";
import type { FileSystem } from "../e2e/file-system.ts";
import { Sandbox } from "../e2e/harness.ts";
import type { TestVolume } from "../e2e/engine-objects.ts";
import { attempt, run } from "../oracle/host.ts";
import { describeTree, differences, removeTree, type TreeEntry } from "../oracle/tree.ts";
import { fillsHoles, prepareSite, type SceneEngine, type Site } from "./ground.ts";
import type { Ground } from "./plan.ts";
import { makeTree, MIXED_PATHS, otherThan, type Contents } from "./trees.ts";

const HELPER_LABEL = "io.dockform.helper";
const HELPER_VOLUME_LABEL = "io.dockform.helper.volume";
const RESERVED = /^\.\/(\.dockform-(?:[0-9a-f]{12}|(?:trash|aside)-[0-9a-f]{12}|kept))(\/|$)/;
/** The time of a root folder may be another after a crash. */
const ROOT_TIME = /^\.: mtime /;
const HOLE_BYTES = 1 << 30;
/** Where a hole is read like data. */
const SMALL_HOLE_BYTES = 1 << 20;
/** Less than either of the contents takes. */
const CRAMPED_BYTES = 2 << 20;
const HOLDER = "dockform-volume-in-memory-";
const XFS_ACL = "trusted.SGI_ACL_";
const DIFFERENCES_KEPT = 12;
/** A container that waits for its stdin ends when an engine that was killed comes back. */
const WITHOUT_STDIN = { Cmd: ["exec sleep 1000000"], OpenStdin: false };

/** What a container that uses the volume is like, apart from any operation. */
export interface UserState {
  readonly name: string;
  readonly status: string;
  readonly restartPolicy: string;
  readonly startedAt: string;
}

/** What lies in the volume. */
export interface Inventory {
  /** The contents it holds besides reserved entries; `undefined` when it is none of those known. */
  readonly holds: Contents | undefined;
  /** Reserved names at its top. */
  readonly reserved: readonly string[];
  /** Why it is none of them: its differences from each. */
  readonly differences: readonly string[];
}

export interface ArchivePair {
  readonly archive: string;
  readonly sidecar: string;
}

type Format = "tar.zst" | "tar";

export class Scene implements AsyncDisposable {
  readonly sandbox: Sandbox;
  readonly volume: TestVolume;
  readonly ground: Ground;
  readonly #site: Site;
  readonly #archives = new Map<string, Promise<string>>();
  readonly #sources: Readonly<Record<Contents, TestVolume>>;
  readonly #trees: Readonly<Record<Contents, readonly TreeEntry[]>>;
  #users: readonly { readonly id: string; readonly wanted: UserState }[] = [];
  #copies = 0;

  private constructor(
    sandbox: Sandbox,
    volume: TestVolume,
    site: Site,
    ground: Ground,
    sources: Readonly<Record<Contents, TestVolume>>,
    trees: Readonly<Record<Contents, readonly TreeEntry[]>>,
  ) {
    this.sandbox = sandbox;
    this.volume = volume;
    this.#site = site;
    this.ground = ground;
    this.#sources = sources;
    this.#trees = trees;
  }

  static async create(engine: SceneEngine, ground: Ground): Promise<Scene> {
    const sandbox = await Sandbox.create(engine.host);
    const holeBytes = fillsHoles(ground) ? SMALL_HOLE_BYTES : HOLE_BYTES;
    const sources = await makeSources(sandbox, holeBytes);
    const trees = {
      a: await describeTree(sources.a.folder),
      b: await describeTree(sources.b.folder),
      mixed: await describeTree(sources.mixed.folder),
    };
    const fill = (folder: string): Promise<void> => copyTree(sources.a.folder, folder);
    const site = await prepareSite(engine, ground, fill);
    const { name, folder: mountpoint } = await sandbox.volume("contested", site);
    const volume = { name, folder: await site.look(mountpoint) };
    const scene = new Scene(sandbox, volume, site, ground, sources, trees);
    // What is in memory is there as long as one of them runs.
    await scene.#addUsers();
    if (ground !== "lower") await fill(volume.folder);
    await site.settle();
    if (site.disk !== undefined && ground === "cramped") {
      await leaveRoom(site.disk, "ballast", CRAMPED_BYTES);
    }
    return scene;
  }

  /** The disk that the volume lies on, where it has one of its own. */
  get disk(): FileSystem | undefined {
    return this.#site.disk;
  }

  /** The archive of one of the contents, made when it is first asked for. */
  archive(contents: Contents, format: Format = "tar.zst"): Promise<string> {
    const key = `${contents} ${format}`;
    const archive = this.#archives.get(key) ?? this.#makeArchive(contents, format);
    this.#archives.set(key, archive);
    return archive;
  }

  async #makeArchive(contents: Contents, format: Format): Promise<string> {
    const out = this.sandbox.path(`of-${contents}-${format}`);
    const { name } = this.#sources[contents];
    return (await this.sandbox.snapshot(name, ["-o", out, "--format", format])).archive;
  }

  /** The same in files of their own, that can be damaged. */
  async copyOfArchive(contents: Contents, format: Format): Promise<ArchivePair> {
    this.#copies += 1;
    const archive = this.sandbox.path(`copy-${this.#copies}.${format}`);
    const original = await this.archive(contents, format);
    await copyFile(original, archive);
    await copyFile(sidecarOf(original), sidecarOf(archive));
    return { archive, sidecar: sidecarOf(archive) };
  }

  async inventory(): Promise<Inventory> {
    const all = await describeTree(this.volume.folder);
    const tree = all.map((entry) => this.#asElsewhere(entry));
    const reserved = new Set(tree.flatMap(({ path }) => RESERVED.exec(path)?.[1] ?? []));
    const visible = tree.filter(({ path }) => !RESERVED.test(path));
    return { ...this.compare(visible), reserved: [...reserved].toSorted() };
  }

  /** Without what only this file system says of an entry. */
  #asElsewhere({ extents, ...entry }: TreeEntry): TreeEntry {
    // XFS shows each ACL a second time to whoever may see trusted attributes.
    const xattrs = Object.entries(entry.xattrs).filter(([name]) => !name.startsWith(XFS_ACL));
    const kept = fillsHoles(this.ground) || extents === undefined ? {} : { extents };
    return { ...entry, ...kept, xattrs: Object.fromEntries(xattrs) };
  }

  /** Which of the contents a tree is. */
  compare(tree: readonly TreeEntry[]): Pick<Inventory, "holds" | "differences"> {
    const found: string[] = [];
    for (const contents of ["a", "b", "mixed"] as const) {
      const unlike = differences(this.#trees[contents], tree).filter(
        (line) => !ROOT_TIME.test(line),
      );
      if (unlike.length === 0) return { holds: contents, differences: [] };
      const shown = unlike.slice(0, DIFFERENCES_KEPT).map((line) => `from ${contents}: ${line}`);
      found.push(...shown, `from ${contents}: ${unlike.length} differences in all`);
    }
    return { holds: undefined, differences: found };
  }

  async users(): Promise<readonly UserState[]> {
    return Promise.all(this.#users.map(({ id }) => this.#stateOf(id)));
  }

  /** How the users have to be when nothing is under way. */
  get wantedUsers(): readonly UserState[] {
    return this.#users.map(({ wanted }) => wanted);
  }

  /** Those of our own containers that work on the volume, and do not only hold it. */
  async workers(): ReturnType<Scene["helpers"]> {
    return (await this.helpers()).filter(({ name }) => !name.startsWith(HOLDER));
  }

  /** Our own containers on the volume, with their state. */
  async helpers(): Promise<
    readonly { readonly id: string; readonly name: string; state: string }[]
  > {
    const filters = { label: [`${HELPER_VOLUME_LABEL}=${this.volume.name}`] };
    const found = await listContainers(this.sandbox.engine, { filters });
    return found
      .filter(({ labels }) => labels[HELPER_LABEL] !== undefined)
      .map(({ id, name, state }) => ({ id, name, state }));
  }

  /** Takes from the volume's file system what is not on the disk yet, as a loss of power does. */
  async losePower(): Promise<void> {
    await this.#site.disk?.losePower();
  }

  /** Starts a user as somebody would by hand; returns what the engine has against it. */
  async startByHand(name: string): Promise<string> {
    const user = this.#users.find(({ wanted }) => wanted.name === name);
    if (user === undefined) throw new Error(`${name} is not of this scene`);
    return startContainer(this.sandbox.engine, user.id).then(() => "", String);
  }

  /** Brings the users back to what they have to be, e.g. after the engine has died under them. */
  async putUsersRight(): Promise<void> {
    const { engine } = this.sandbox;
    for (const { id, wanted } of this.#users) {
      const { status } = await this.#stateOf(id);
      if (status === wanted.status) continue;
      if (status === "paused") await unpauseContainer(engine, id);
      if (wanted.status === "exited") await stopContainer(engine, id);
      else await startContainer(engine, id);
      if (wanted.status === "paused") await pauseContainer(engine, id);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await attempt("chattr", ["-R", "-i", this.volume.folder]);
    await this.sandbox[Symbol.asyncDispose]();
    await this.#site[Symbol.asyncDispose]();
  }

  async #addUsers(): Promise<void> {
    const { sandbox, volume } = this;
    const mounts = { Mounts: [{ Type: "volume", Source: volume.name, Target: "/data" }] };
    const definition = await sandbox.waiting(volume.name, WITHOUT_STDIN);
    const running = await sandbox.running("running", definition);
    const paused = await sandbox.running("paused", definition);
    await pauseContainer(sandbox.engine, paused.id);
    const exited = await sandbox.running("exited", definition);
    await stopContainer(sandbox.engine, exited.id);
    const always = await sandbox.running(
      "always",
      await sandbox.waiting(volume.name, {
        ...WITHOUT_STDIN,
        hostConfig: { ...mounts, NetworkMode: "none", RestartPolicy: { Name: "always" } },
      }),
    );
    // Stopped by hand; an engine that starts would start it nevertheless.
    const resting = await sandbox.running(
      "resting",
      await sandbox.waiting(volume.name, {
        ...WITHOUT_STDIN,
        hostConfig: { ...mounts, NetworkMode: "none", RestartPolicy: { Name: "always" } },
      }),
    );
    await stopContainer(sandbox.engine, resting.id);
    const ids = [running, paused, exited, always, resting].map(({ id }) => id);
    this.#users = await Promise.all(
      ids.map(async (id) => ({ id, wanted: await this.#stateOf(id) })),
    );
  }

  async #stateOf(id: string): Promise<UserState> {
    const details = await inspectContainer(this.sandbox.engine, id);
    // The product's own type has only what the product needs.
    const { RestartPolicy } = details.HostConfig as { RestartPolicy?: { Name?: string } };
    return {
      name: details.Name.replace(/^\//, ""),
      status: details.State.Status,
      restartPolicy: RestartPolicy?.Name ?? "",
      startedAt: details.State.StartedAt,
    };
  }
}

async function makeSources(
  sandbox: Sandbox,
  holeBytes: number,
): Promise<Readonly<Record<Contents, TestVolume>>> {
  const a = await sandbox.volume("a");
  const b = await sandbox.volume("b");
  const mixed = await sandbox.volume("mixed");
  await makeTree(a.folder, "a", holeBytes);
  await makeTree(b.folder, "b", holeBytes);
  await copyTree(b.folder, mixed.folder);
  for (const path of MIXED_PATHS) await removeTree(join(mixed.folder, path));
  await copyTree(a.folder, mixed.folder, MIXED_PATHS);
  return { a, b, mixed };
}

/** With the machine's own tar; it knows as much of a tree as the oracle looks at. */
async function copyTree(from: string, to: string, paths: readonly string[] = ["."]): Promise<void> {
  const faithful = "--sparse --acls --xattrs --xattrs-include=* --numeric-owner";
  const pipeline = `from=$0 to=$1; shift
    tar --no-unquote -cf - -C "$from" ${faithful} -- "$@" | tar -xpf - -C "$to" ${faithful}`;
  await run("sh", ["-f", "-c", pipeline, from, to, ...paths]);
}

/** Fills a file system with a file of that name until so much room is left, and no more. */
export async function leaveRoom(
  { folder }: FileSystem,
  name: string,
  roomBytes: number,
): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  let bytes = bavail * bsize - roomBytes;
  // Blocks that describe the file take room themselves.
  while (
    bytes > 0 &&
    (await attempt("fallocate", ["-l", String(bytes), join(folder, name)])).code
  ) {
    bytes -= bsize;
  }
}

/** A folder of a test that must be empty by now. */
export async function emptied(folder: string): Promise<void> {
  for (const name of await readdir(folder)) await removeTree(join(folder, name));
}

export { MIXED_PATHS, otherThan, type Contents };
