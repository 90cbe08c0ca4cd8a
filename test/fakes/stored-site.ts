import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Sidecar } from "../../src/snapshot/sidecar.ts";
import { sampleSidecar } from "../contract/sidecar.ts";
import { runOnConsole, type FakeConsole, type Printed } from "./console.ts";
import { contentsOf, FakeContents, FakeDisk } from "./contents.ts";
import { FakeEngine } from "./engine.ts";
import { runsHelpers } from "./helper.ts";
import { FakeSite } from "./workspace.ts";

/** Volumes that are made meanwhile are empty. */
class AnyContents extends FakeContents {
  override disk(volume: string): FakeDisk {
    if (!this.disks.has(volume)) this.disks.set(volume, new FakeDisk(Buffer.alloc(1024)));
    return super.disk(volume);
  }
}

/** A folder with a manifest, snapshots in a store, an engine in memory with volumes, and commands that run on them. */
export class StoredSite implements AsyncDisposable {
  readonly engine: FakeEngine;
  readonly contents = new AnyContents();
  readonly #site: FakeSite;
  #seconds = 0;

  private constructor(site: FakeSite) {
    this.#site = site;
    this.engine = new FakeEngine(runsHelpers(this.contents));
  }

  /** @param manifest as {@link FakeSite.create} takes it. */
  static async create(manifest: unknown): Promise<StoredSite> {
    return new StoredSite(await FakeSite.create(manifest, {}));
  }

  get folder(): string {
    return this.#site.folder;
  }

  /** A volume of the manifest with the identifier `x`. */
  async volume(name: string): Promise<void> {
    this.engine.createVolume(name, { labels: { "io.dockform.identifier": "x" } });
    this.contents.disks.set(name, new FakeDisk(await contentsOf("old")));
  }

  /** Puts a snapshot of a volume into a store; returns the path of its data. */
  async snapshot(
    volume: string,
    name: string,
    {
      store = ".dockform/snapshots",
      ...fields
    }: Partial<Sidecar> & { readonly store?: string } = {},
  ): Promise<string> {
    const tar = await contentsOf("new");
    const into = join(this.folder, store, volume);
    await mkdir(into, { recursive: true });
    const base = join(into, `${name}__spec-00000000`);
    const sidecar = sampleSidecar({
      volume_name: volume,
      stored_bytes: tar.length,
      uncompressed_bytes: tar.length,
      checksum: { algo: "sha256", tar: createHash("sha256").update(tar).digest("hex") },
      ...fields,
    });
    await writeFile(`${base}.tar`, tar);
    await writeFile(`${base}.json`, JSON.stringify(sidecar));
    return `${base}.tar`;
  }

  /** Runs a command ten seconds after the one before: two snapshots have two times. */
  async run(
    words: readonly string[],
    more: Partial<Omit<FakeConsole, "cwd" | "engine" | "now">> = {},
  ): Promise<Printed> {
    const time = Date.parse("2026-01-02T03:04:05Z") + 10_000 * this.#seconds;
    this.#seconds += 1;
    const now = (): Date => new Date(time);
    return await runOnConsole(words, { cwd: this.folder, engine: this.engine, now, ...more });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#site[Symbol.asyncDispose]();
  }
}
