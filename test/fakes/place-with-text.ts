import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sampleSidecar } from "../contract/sidecar.ts";
import { tarOf } from "./archived.ts";
import { runOnConsole, type FakeConsole, type Printed } from "./console.ts";
import { FakeContents, FakeDisk } from "./contents.ts";
import { FakeEngine } from "./engine.ts";
import { runsHelpers } from "./helper.ts";
import { putOperation } from "./operations.ts";

/** Every command that does something, on a {@link PlaceWithText}. */
export const COMMANDS: readonly (readonly string[])[] = [
  ["validate"],
  ["plan"],
  ["doctor"],
  ["init"],
  ["__complete", "dockform volume snapshot "],
  ["__complete", "dockform snapshot show "],
  ["volume", "list"],
  ["volume", "recover", "--health-timeout", "0"],
  ["snapshot", "list"],
  ["snapshot", "status"],
  ["snapshot", "show", "data@latest"],
  ["snapshot", "show", "data@2025"],
  ["snapshot", "files", "data@latest"],
  ["snapshot", "diff", "data@latest~1", "data@latest"],
  ["snapshot", "cat", "data@latest", "missing"],
  ["snapshot", "extract", "data@latest", ".", "-o", "extracted"],
  ["snapshot", "verify", "--all"],
  ["snapshot", "prune", "--keep-last", "1"],
  ["volume", "snapshot", "data"],
  ["volume", "undo", "data", "--undeclared", "--stop-containers", "--health-timeout", "0"],
  ["volume", "undo", "data", "--undeclared", "--discard"],
  ["volume", "undo", "data", "--undeclared", "--discard", "--skip-confirmation"],
  ["volume", "restore", "data", "latest~1", "--undeclared"],
  "volume restore data latest~1 --undeclared --force --stop-containers --health-timeout 0".split(
    " ",
  ),
  ["snapshot", "drill", "data@latest"],
  ["snapshot", "remove", "data@latest~1", "--skip-confirmation"],
  ["nightly", "--dry-run"],
  ["nightly"],
  ["apply", "--skip-confirmation"],
  ["destroy", "--skip-confirmation", "--no-snapshot"],
];

/** Volumes that are made meanwhile are empty. */
class AnyContents extends FakeContents {
  override disk(volume: string): FakeDisk {
    if (!this.disks.has(volume)) this.disks.set(volume, new FakeDisk(Buffer.alloc(1024)));
    return super.disk(volume);
  }
}

/** Puts a text into every field of a store, an engine and a helper that comes from elsewhere. */
export class PlaceWithText implements AsyncDisposable {
  readonly folder: string;
  readonly #contents = new AnyContents();
  #seconds = 0;
  readonly engine = new FakeEngine(runsHelpers(this.#contents));

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async build(text: string): Promise<PlaceWithText> {
    const place = new PlaceWithText(await mkdtemp(join(tmpdir(), "dockform-text-")));
    const manifest = { identifier: "mine", volumes: { data: { snapshot: { every: "1h" } } } };
    await writeFile(join(place.folder, "dockform.yml"), JSON.stringify(manifest));
    await place.#store(text);
    await place.#engine(text);
    return place;
  }

  async #store(text: string): Promise<void> {
    // Paths are bytes.
    const path = Buffer.from(text).toString("latin1");
    await this.#snapshot("data", "2026-01-01T01-00-00Z", text, await tarOf({ [path]: text }));
    await this.#snapshot("data", "2026-01-01T02-00-00Z", text, await tarOf({ [path]: "other" }));
    await this.#snapshot(text, "2026-01-01T03-00-00Z", text, await tarOf({ [path]: text }));
    const other = join(this.folder, ".dockform", "snapshots", text);
    await writeFile(join(other, "2026-01-01T04-00-00Z__spec-00000000.json"), `{ "a": "${text}" }`);
    await writeFile(join(other, "2026-01-01T05-00-00Z__spec-00000000.tar"), text);
  }

  async #snapshot(folder: string, name: string, text: string, tar: Buffer): Promise<void> {
    const into = join(this.folder, ".dockform", "snapshots", folder);
    await mkdir(into, { recursive: true });
    const base = join(into, `${name}__spec-00000000`);
    await writeFile(`${base}.tar`, tar);
    const sidecar = sampleSidecar({
      volume_name: folder,
      created_at: "2026-01-01T01:00:00Z",
      stored_bytes: tar.length,
      uncompressed_bytes: tar.length,
      checksum: { algo: "sha256", tar: createHash("sha256").update(tar).digest("hex") },
      driver_opts: { [text]: text },
      labels: { [text]: text },
      notes: text,
      proven_by: text,
      proven_at: "2026-01-01T01:00:00Z",
      warnings: [text],
      engine: { version: text, id: text },
      containers: [
        { name: text, image: text, image_digest: text, state: "running", read_write: true },
      ],
    });
    await writeFile(`${base}.json`, JSON.stringify({ ...sidecar, [text]: text }));
  }

  async #engine(text: string): Promise<void> {
    const { engine } = this;
    const labels = { "io.dockform.identifier": "mine", [text]: text };
    const about = JSON.stringify({ kept_at: text, replaced_by: text });
    for (const name of ["data", text]) {
      engine.createVolume(name, { labels, options: { [text]: text } });
      const disk = new FakeDisk(await tarOf({ [text]: text }));
      disk.kept = { contents: await tarOf({ a: text }), about };
      this.#contents.disks.set(name, disk);
    }
    engine.images.add(text);
    for (const Source of ["data", text]) {
      const { id } = engine.createContainer(`${Source}-${text}`, {
        Image: text,
        Labels: { [text]: text },
        HostConfig: { Mounts: [{ Type: "volume", Source, Target: `/${text}` }] },
      });
      engine.startContainer(id);
    }
    putOperation(engine, text, "exited");
  }

  async run(
    words: readonly string[],
    more: Pick<FakeConsole, "prepare" | "columns"> = {},
  ): Promise<Printed> {
    // Two snapshots of a volume are never of the same second.
    const now = (): Date => new Date(Date.UTC(2026, 0, 2, 3, 4, (this.#seconds += 1)));
    return runOnConsole(words, { cwd: this.folder, engine: this.engine, now, ...more });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}
