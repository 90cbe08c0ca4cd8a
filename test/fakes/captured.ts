import { inspectVolume, type EngineVolume } from "../../src/engine/volumes.ts";
import type { VolumeTarget } from "../../src/lock/target.ts";
import { archivedReply, tarOf } from "./archived.ts";
import { FakeClient } from "./client.ts";
import { FakeEngine } from "./engine.ts";
import { runsHelpers, type FakeVerb } from "./helper.ts";
import { MemoryStore } from "./memory-store.ts";
import { fakeTarget, fakeTools, type FakeTools } from "./surroundings.ts";

/** A volume in a fake engine, what helpers make of it, and a store for its snapshots. */
export class CapturedVolume {
  readonly verbs: Record<string, FakeVerb> = {};
  readonly engine = new FakeEngine(runsHelpers({ verbs: this.verbs, finish: () => 0 }));
  readonly client = new FakeClient(this.engine);
  readonly store = new MemoryStore();
  readonly target: VolumeTarget = { ...fakeTarget(this.client, "data"), store: this.store };
  readonly tools: FakeTools;
  #seconds = 0;

  constructor(signal?: AbortSignal) {
    // Snapshots are taken a second apart.
    const now = (): Date => new Date(Date.UTC(2026, 0, 2, 3, 4, (this.#seconds += 1)));
    this.tools = { ...fakeTools("somebody", signal), now };
    this.engine.createVolume("data", { labels: { made: "for a test" } });
    this.archives(tarOf({ a: "content" }));
    this.hasFingerprint(() => "a");
  }

  /** What an archive of it is from now on. */
  archives(
    data: Promise<Uint8Array>,
    facts: Readonly<Record<string, string>> = {},
    messages: readonly string[] = [],
  ): void {
    this.verbs["archive"] = async ({ output }) => {
      const { data: bytes = Buffer.alloc(0), ...reply } = archivedReply(
        await data,
        facts,
        messages,
      );
      output(bytes);
      return reply;
    };
  }

  /** What its metadata is from now on: the name of its only file stands for all of it. */
  hasFingerprint(
    file: () => string,
    facts: Readonly<Record<string, string>> = { file_system: "xfs" },
    changedSeconds = 1_700_000_000,
  ): void {
    this.verbs["fingerprint"] = ({ output }) => {
      output(Buffer.from(`8 ${changedSeconds}.5 1.5 f 644 0 0 17 1 5 ${file()}\0\0`));
      return { facts: { find_status: "0", time: "1700000060", boot: "one", ...facts } };
    };
  }

  async inspect(): Promise<EngineVolume> {
    const volume = await inspectVolume(this.client, "data");
    if (volume === undefined) throw new Error("the volume is gone");
    return volume;
  }

  /** A container that has it mounted. */
  user(name: string, { readOnly = false, isRunning = true } = {}): void {
    const Mounts = [{ Type: "volume", Source: "data", Target: "/data", ReadOnly: readOnly }];
    const { id } = this.engine.createContainer(name, { Image: "app:1", HostConfig: { Mounts } });
    if (isRunning) this.engine.startContainer(id);
  }
}
