import type { ContainerState } from "../../src/engine/containers.ts";
import type { VolumeTarget } from "../../src/lock/target.ts";
import type { RestoreRequest } from "../../src/restore/request.ts";
import { HEAD_BYTES, type StoredArchive } from "../../src/store/store.ts";
import { FakeClient } from "./client.ts";
import type { FakeContainer, Health } from "./container.ts";
import { contentsOf, FakeContents, FakeDisk } from "./contents.ts";
import { FakeEngine } from "./engine.ts";
import { runsHelpers } from "./helper.ts";
import { MemoryStore } from "./memory-store.ts";
import { fakeTarget, fakeTools, type FakeTools } from "./surroundings.ts";

const NEW_ARCHIVE = "/memory/new.tar";

/** With archives that have no sidecar, as other programs make them. */
class HouseStore extends MemoryStore {
  /** By their paths. */
  readonly loose = new Map<string, Buffer>();

  override async open(archivePath: string): Promise<StoredArchive> {
    const data = this.loose.get(archivePath);
    if (data === undefined) return super.open(archivePath);
    return {
      storedBytes: data.length,
      head: data.subarray(0, HEAD_BYTES),
      async *chunks() {
        yield data;
      },
      sidecar: () => Promise.resolve(undefined),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }
}

/** An engine with a volume `data` that holds old contents, and an archive of new ones. */
export class House {
  readonly contents = new FakeContents();
  readonly engine = new FakeEngine(runsHelpers(this.contents));
  readonly store = new HouseStore();
  readonly tools: FakeTools = fakeTools();
  readonly oldContents: Buffer;
  readonly newContents: Buffer;

  private constructor(oldContents: Buffer, newContents: Buffer) {
    this.oldContents = oldContents;
    this.newContents = newContents;
  }

  static async build(oldText = "old"): Promise<House> {
    const house = new House(await contentsOf(oldText), await contentsOf("new"));
    house.engine.createVolume("data");
    house.contents.disks.set("data", new FakeDisk(house.oldContents));
    house.store.loose.set(NEW_ARCHIVE, house.newContents);
    return house;
  }

  get disk(): FakeDisk {
    return this.contents.disk("data");
  }

  /** Which contents are in place: `old`, `new`, or neither. */
  get inPlace(): string {
    if (this.disk.contents.equals(this.oldContents)) return "old";
    return this.disk.contents.equals(this.newContents) ? "new" : "neither";
  }

  /** What is kept: `old`, `new`, or nothing. */
  get kept(): string {
    const kept = this.disk.kept?.contents;
    if (kept === undefined) return "nothing";
    return kept.equals(this.oldContents) ? "old" : "new";
  }

  target(client = new FakeClient(this.engine)): VolumeTarget {
    return { ...fakeTarget(client, "data"), store: this.store };
  }

  /** A restore of the new contents that has all it needs. */
  request(more: Partial<RestoreRequest> = {}, client?: FakeClient): RestoreRequest {
    return {
      target: this.target(client),
      store: this.store,
      archivePath: NEW_ARCHIVE,
      undeclared: true,
      create: false,
      force: true,
      dryRun: false,
      keepPrevious: false,
      keepFailed: false,
      discardKept: false,
      paths: [],
      root: undefined,
      fromVolume: undefined,
      verify: false,
      inPlace: false,
      forceEmpty: false,
      stopContainers: true,
      healthTimeoutMs: 0,
      without: new Set(),
      strictAttributes: false,
      ...more,
    };
  }

  /** A container that uses the volume. */
  user(
    name: string,
    state: Extract<ContainerState, "created" | "running" | "paused"> = "running",
    more: { readonly health?: Health["Status"]; readonly restart?: string } = {},
  ): FakeContainer {
    const container = this.engine.createContainer(name, {
      Image: "app:1",
      HostConfig: {
        RestartPolicy: { Name: more.restart ?? "no", MaximumRetryCount: 0 },
        Mounts: [{ Type: "volume", Source: "data", Target: "/data" }],
      },
    });
    if (state !== "created") this.engine.startContainer(container.id);
    if (state === "paused") this.engine.pauseContainer(container.id);
    if (more.health !== undefined) container.health = { Status: more.health, Log: [] };
    return container;
  }

  /** Names of our own containers that are left, without what is random in them. */
  left(): readonly string[] {
    return this.engine.ours.map(({ name }) => name.replace(/-[0-9a-f]{8}$/, ""));
  }

  /** The users, each with its state and its restart policy. */
  users(): readonly string[] {
    return [...this.engine.containers.values()]
      .filter(({ definition }) => definition.Image === "app:1")
      .map(({ name, state, restartPolicy }) => `${name} ${state} ${restartPolicy.Name}`);
  }
}
