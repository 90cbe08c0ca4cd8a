import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdir, readdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { sampleSidecar } from "../../test/contract/sidecar.ts";
import { allCommands } from "../../test/fakes/commands.ts";
import { contentsOf, FakeContents, FakeDisk } from "../../test/fakes/contents.ts";
import { runOnConsole, type Printed } from "../../test/fakes/console.ts";
import { FakeEngine } from "../../test/fakes/engine.ts";
import { runsHelpers } from "../../test/fakes/helper.ts";
import { FakeSite } from "../../test/fakes/workspace.ts";

/** They neither read nor write snapshots. */
const WITHOUT_STORE = ["init", "validate", "volume undo", "version", "completion", "__complete"];

test("every command that reads or writes snapshots takes --store", () => {
  const without = allCommands()
    .filter(({ command }) => !command.options.some(({ long }) => long === "--store"))
    .map(({ words }) => words);
  assert.deepEqual(without.toSorted(), WITHOUT_STORE.toSorted());
});

/** A place with a volume that has one snapshot, which lies elsewhere than snapshots do. */
class Place implements AsyncDisposable {
  readonly #site: FakeSite;
  readonly #contents = new FakeContents();
  readonly #engine = new FakeEngine(runsHelpers(this.#contents));

  #seconds = -10;

  private constructor(site: FakeSite) {
    this.#site = site;
  }

  static async build(store: string | undefined): Promise<Place> {
    const site = await FakeSite.create({ identifier: "x", store, volumes: { data: {} } }, {});
    const place = new Place(site);
    place.#engine.createVolume("data", { labels: { "io.dockform.identifier": "x" } });
    place.#contents.disks.set("data", new FakeDisk(await contentsOf("old")));
    await place.#snapshot();
    return place;
  }

  get folder(): string {
    return this.#site.folder;
  }

  async #snapshot(): Promise<void> {
    const tar = await contentsOf("new");
    const into = join(this.folder, "elsewhere", "data");
    await mkdir(into, { recursive: true });
    const base = join(into, "2026-01-01T01-00-00Z__spec-00000000");
    const sidecar = sampleSidecar({
      volume_name: "data",
      created_at: "2026-01-01T01:00:00Z",
      stored_bytes: tar.length,
      uncompressed_bytes: tar.length,
      checksum: { algo: "sha256", tar: createHash("sha256").update(tar).digest("hex") },
    });
    await writeFile(`${base}.tar`, tar);
    await writeFile(`${base}.json`, JSON.stringify(sidecar));
  }

  run(...words: readonly string[]): Promise<Printed> {
    // Two snapshots have two times.
    this.#seconds += 10;
    const now = (): Date => new Date(Date.parse("2026-01-02T03:04:05Z") + this.#seconds * 1000);
    return runOnConsole(words, { cwd: this.folder, engine: this.#engine, now });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#site[Symbol.asyncDispose]();
  }
}

const SNAPSHOT = /elsewhere\/data\/2026-01-01T01-00-00Z/;
const FINDING: readonly (readonly string[])[] = [
  ["volume", "list"],
  ["snapshot", "list"],
  ["snapshot", "show", "data"],
  ["snapshot", "status"],
  ["volume", "restore", "data", "latest", "--dry-run", "--force"],
];

for (const [how, store, flags] of [
  ["--store names", undefined, ["--store", "elsewhere"]],
  ["the manifest names", "./elsewhere", []],
  ["--store names, whatever the manifest does,", "./nowhere", ["--store", "elsewhere"]],
] as const) {
  test(`snapshots are found where ${how} their folder`, async () => {
    await using place = await Place.build(store);
    for (const words of FINDING) {
      const { code, stdout, stderr } = await place.run(...words, ...flags, "--json");
      assert.equal(code, 0, stderr);
      assert.match(stdout, SNAPSHOT, words.join(" "));
    }
    const plan = await place.run("plan", ...flags, "--json");
    assert.match(plan.stdout, /"state": "present"/);
    const doctor = await place.run("doctor", ...flags, "--json");
    assert.match(doctor.stdout, /free for snapshots in .*\/elsewhere"/);
  });

  test(`snapshots are written where ${how} their folder`, async () => {
    await using place = await Place.build(store);
    const { code, stderr } = await place.run("volume", "snapshot", "data", ...flags);
    assert.equal(code, 0, stderr);
    const destroy = await place.run("destroy", "--skip-confirmation", ...flags);
    assert.equal(destroy.code, 0, destroy.stderr);
    const files = await readdir(join(place.folder, "elsewhere", "data"));
    assert.equal(files.length, 6, files.join());
    assert.deepEqual((await readdir(place.folder)).toSorted(), ["dockform.yml", "elsewhere"]);
  });
}

test("a manifest's folder of snapshots starts where the manifest is", async () => {
  await using place = await Place.build("./elsewhere");
  const inner = join(place.folder, "inner");
  await mkdir(inner);
  await rename(join(place.folder, "dockform.yml"), join(inner, "dockform.yml"));
  const { stdout } = await place.run("-m", "inner", "snapshot", "list", "--json");
  assert.match(stdout, /"folder": ".*\/inner\/elsewhere"/);
});

test("-o is another spelling of --store for a snapshot, and both are one too many", async () => {
  await using place = await Place.build(undefined);
  const both = await place.run("volume", "snapshot", "data", "-o", "a", "--store", "b");
  assert.equal(both.code, 2);
  assert.match(both.stderr, /cannot be used with option '--store <folder>'/);
  const { stdout } = await place.run("volume", "snapshot", "data", "-o", "a", "--json");
  assert.match(stdout, /"archive": ".*\/a\/data\/2026-01-02T03-04-15Z/);
});

test("what is to name another kind of store is not taken for a folder", async () => {
  await using place = await Place.build(undefined);
  for (const text of ["s3://bucket/path", "~/snapshots"]) {
    const { code, stderr } = await place.run("snapshot", "list", "--store", text);
    assert.equal(code, 2, stderr);
    assert.match(stderr, /--store <folder>' argument '.*' is invalid\. Expected a folder\./);
  }
});
