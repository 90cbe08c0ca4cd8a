/** A volume in a folder of this machine, an engine in memory, and clients whose helpers run here. */
import { existsSync, readdirSync, rmSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Phase } from "../../src/events.ts";
import { FolderStore } from "../../src/store/folder/folder-store.ts";
import type { VolumeTarget } from "../../src/lock/target.ts";
import { recordLabels } from "../../src/journal/operation.ts";
import type { KeptContents } from "../../src/restore/kept.ts";
import type { Tools } from "../../src/tools.ts";
import { FileSystem, SMALLEST_BYTES, type DiskType } from "../e2e/file-system.ts";
import { FolderFileSystem } from "../e2e/folder-file-systems.ts";
import { FakeClient } from "../fakes/client.ts";
import { FakeEngine } from "../fakes/engine.ts";
import { LocalHelpers } from "../fakes/local-helper.ts";
import { fakeTarget, fakeTools } from "../fakes/surroundings.ts";
import { run } from "../oracle/host.ts";
import { countFrom, stepEnvironment, stepsIn } from "./death-steps.ts";

/**
 * What a death takes along. `process`: nothing that was written. `power`: what was not flushed. `power after
 * commit`: the contents of files that were not flushed, while every name is as it was; a journal commits names
 * at any moment, and contents later. `client`: the client alone, whose helper finishes what it has begun, or gives it up.
 */
export const DEATHS = ["process", "power", "power after commit", "client"] as const;
export type Death = (typeof DEATHS)[number];
const TAKES_POWER: readonly Death[] = ["power", "power after commit"];

/** On what the power can be cut; a folder is on ext4 then. */
const DISKS: Readonly<Partial<Record<Ground, DiskType>>> = { xfs: "xfs", btrfs: "btrfs" };

/**
 * What the volume lies on, where that is no disk of its own that can lose power. On an overlay or a union most is as
 * on a disk. Where the old contents are in the lower folder of the one, or on both branches of the other, not
 * all of them can be renamed, and are removed in place.
 */
const GROUNDS = {
  folder: undefined,
  xfs: undefined,
  btrfs: undefined,
  overlay: () => FolderFileSystem.overlay(),
  mergerfs: () =>
    FolderFileSystem.mergerfs({
      fillBranches: async (...branches) => {
        for (const branch of branches) await mkdir(join(branch, "volume"));
      },
    }),
  "overlay, from below": (from: string) =>
    FolderFileSystem.overlay({
      fillLower: async (lower) => {
        await run("cp", ["-a", from, join(lower, "volume")]);
      },
    }),
  "mergerfs, on both": (from: string) =>
    FolderFileSystem.mergerfs({
      fillBranches: async (one, other) => {
        await run("cp", ["-a", from, join(one, "volume")]);
        await run("cp", ["-a", from, join(other, "volume")]);
        await rm(join(one, "volume", "file"));
        await rm(join(other, "volume", "only-old"));
      },
    }),
} as const;
export type Ground = keyof typeof GROUNDS;

const VOLUME = "volume";
const POLL_MS = 5;
/** By then a helper that listens has seen that its client is gone. */
const NOTICED_MS = 30;
/** A helper without a client has little left to do. */
const HELPER_END_MS = 30_000;
const STAGING = /^\.dockform-[0-9a-f]{12}$/;

/** Where helpers die. */
export interface Deaths {
  /** For each helper that begins the step before which it dies; 0, as for all others, for not at all. */
  readonly dieAt: readonly number[];
  /** Whether the client ends with its helper. */
  readonly takesClient: boolean;
}

const NO_DEATHS: Deaths = { dieAt: [], takesClient: false };

/** One process of the program. */
export interface Client {
  readonly target: VolumeTarget;
  readonly tools: Tools;
  /** Settled once it is dead. */
  readonly died: Promise<void>;
}

/** What a volume lies on, where that is no folder like any other. */
interface Under {
  readonly disk: FileSystem | undefined;
  readonly ground: FolderFileSystem | undefined;
}

/** What the volumes of a stage are copied from, and the programs that count steps. */
export interface Props {
  readonly folder: string;
  readonly shims: string;
}

export class Workplace implements AsyncDisposable {
  readonly engine: FakeEngine;
  readonly #props: Props;
  readonly #folder: string;
  /** Where the volume lies, when it can lose what was not flushed. */
  readonly #disk: FileSystem | undefined;
  readonly #ground: FolderFileSystem | undefined;
  readonly #helpers: LocalHelpers;
  readonly #death: Death;
  /** What looks whether a client is to die. */
  readonly #watches = new Set<NodeJS.Timeout>();
  #deaths = NO_DEATHS;
  #helpersBegun = 0;
  #clientsBegun = 0;
  #killClient = (): void => {};
  /** The steps that had been taken when a client last told of a phase. */
  readonly #phases = new Map<Phase, number>();

  private constructor(props: Props, folder: string, death: Death, { disk, ground }: Under) {
    this.#props = props;
    this.#folder = folder;
    this.#death = death;
    this.#disk = disk;
    this.#ground = ground;
    this.#helpers = new LocalHelpers(
      { volume: this.volume, folder },
      {
        environment: () => this.#nextEnvironment(),
        onLine: countFrom,
        onKilled: () => this.#killClient(),
      },
    );
    this.engine = new FakeEngine(this.#helpers.find);
    this.engine.createVolume(VOLUME);
  }

  /** A volume as the stage has it under a name, used by a container that runs. */
  static async create(
    props: Props,
    name: string,
    death: Death = "process",
    on: Ground = "folder",
  ): Promise<Workplace> {
    const from = join(props.folder, name);
    const type = DISKS[on] ?? "ext4";
    const bytes = Math.max(SMALLEST_BYTES[type], 16 << 20);
    const disk = TAKES_POWER.includes(death)
      ? await FileSystem.create({ type, bytes, journal: true })
      : undefined;
    const ground = await GROUNDS[on]?.(from);
    const folder = await mkdtemp(join(props.folder, "workplace-"));
    const workplace = new Workplace(props, folder, death, { disk, ground });
    if (!on.includes(",")) await run("cp", ["-aT", from, workplace.volume]);
    if (death === "power after commit") await writeFile(workplace.#commitFile, "");
    await run("sync", ["-f", workplace.volume]);
    workplace.#startUser();
    if (existsSync(join(workplace.volume, ".dockform-kept"))) workplace.#recordKept();
    return workplace;
  }

  /** The folder that is the volume. */
  get volume(): string {
    return join((this.#disk ?? this.#ground)?.folder ?? this.#folder, "volume");
  }

  /** Flushing it makes the journal commit. */
  get #commitFile(): string {
    return join(this.#disk?.folder ?? this.#folder, "commit");
  }

  /** The steps that the newest helper has taken. */
  get steps(): number {
    return stepsIn(this.#stepsFile());
  }

  /** The steps that the newest helper had taken when its client said that. */
  stepsBefore(phase: Phase): number {
    return this.#phases.get(phase) ?? 0;
  }

  #startUser(): void {
    const mount = { Type: "volume", Source: VOLUME, Target: "/data" };
    const definition = { Image: "app:1", HostConfig: { Mounts: [mount] } };
    const { id } = this.engine.createContainer("user", definition);
    this.engine.startContainer(id);
  }

  /** As whoever has kept it did. */
  #recordKept(): void {
    const kept: KeptContents = { kept_at: "then", replaced_by: "a snapshot", bytes: 1 };
    const labels = recordLabels("kept-contents", VOLUME, JSON.stringify(kept));
    this.engine.createContainer(`dockform-kept-contents-${VOLUME}-1`, {
      Image: "helper:1",
      Labels: labels,
    });
  }

  /** What the health check of the container that uses the volume says, whatever is in it. */
  setHealth(status: "healthy" | "unhealthy"): void {
    this.engine.container("user").health = { Status: status, Log: [] };
  }

  get userRuns(): boolean {
    return this.engine.container("user").state === "running";
  }

  /** A client that knows nothing, with helpers that die where they are told. */
  begin(deaths: Deaths = NO_DEATHS): Client {
    const client = new FakeClient(this.engine);
    this.#clientsBegun += 1;
    this.#deaths = deaths;
    this.#helpersBegun = 0;
    const died = Promise.withResolvers<void>();
    this.#killClient = () => {
      if (!deaths.takesClient) return;
      client.die();
      died.resolve();
    };
    return {
      target: {
        ...fakeTarget(client, VOLUME),
        store: new FolderStore(join(this.#folder, "store")),
      },
      tools: {
        ...fakeTools(`client ${this.#clientsBegun}`),
        emit: ({ phase }) => this.#phases.set(phase, this.steps),
      },
      died: died.promise,
    };
  }

  /** Gives what was made ready for nobody, if anything was, to an operation. */
  async makeReadyFor(stagingId: string): Promise<void> {
    const ready = readdirSync(this.volume).find((name) => STAGING.test(name));
    if (ready === undefined) return;
    await rename(join(this.volume, ready), join(this.volume, `.dockform-${stagingId}`));
    await run("sync", ["-f", this.volume]);
  }

  /** After a death nothing runs any more. Where that was of everything, what was not flushed is gone. */
  async settle(): Promise<void> {
    await (this.#death === "client" ? this.#helpers.ended(HELPER_END_MS) : this.#helpers.end());
    await this.#disk?.losePower();
  }

  /** Kills all helpers that run. */
  async end(): Promise<void> {
    await this.#helpers.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const watch of this.#watches) clearInterval(watch);
    await this.#helpers.end();
    await this.#disk?.[Symbol.asyncDispose]();
    await this.#ground?.[Symbol.asyncDispose]();
    await rm(this.#folder, { recursive: true });
  }

  #nextEnvironment(): Readonly<Record<string, string>> {
    const dieAt = this.#deaths.dieAt[this.#helpersBegun] ?? 0;
    this.#helpersBegun += 1;
    const commitFile = existsSync(this.#commitFile) ? this.#commitFile : "";
    const clientFile = this.#death === "client" && dieAt > 0 ? `${this.#stepsFile()}-client` : "";
    if (clientFile !== "") this.#watchFor(clientFile);
    const { shims } = this.#props;
    return stepEnvironment({ shims, file: this.#stepsFile(), dieAt, commitFile, clientFile });
  }

  /** Ends the client once a helper asks for that, and lets the helper go on a moment after. */
  #watchFor(clientFile: string): void {
    const watch = setInterval(() => {
      if (!existsSync(clientFile)) return;
      clearInterval(watch);
      this.#watches.delete(watch);
      this.#killClient();
      setTimeout(() => rmSync(clientFile, { force: true }), NOTICED_MS);
    }, POLL_MS);
    this.#watches.add(watch);
  }

  #stepsFile(): string {
    return join(this.#folder, `steps-${this.#clientsBegun}-${this.#helpersBegun}`);
  }
}
