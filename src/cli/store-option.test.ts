import assert from "node:assert/strict";
import { mkdir, readdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { allCommands } from "../../test/fakes/commands.ts";
import { StoredSite } from "../../test/fakes/stored-site.ts";

/** They neither read nor write snapshots. */
const WITHOUT_STORE = [
  "init",
  "validate",
  "volume undo",
  "volume copy",
  "volume move",
  "version",
  "completion",
  "__complete",
];

test("every command that reads or writes snapshots takes --store", () => {
  const without = allCommands()
    .filter(({ command }) => !command.options.some(({ long }) => long === "--store"))
    .map(({ words }) => words);
  assert.deepEqual(without.toSorted(), WITHOUT_STORE.toSorted());
});

/** A site with a volume that has one snapshot, which lies elsewhere than snapshots do. */
async function siteWith(store: string | undefined): Promise<StoredSite> {
  const site = await StoredSite.create({ identifier: "x", store, volumes: { data: {} } });
  await site.volume("data");
  await site.snapshot("data", "2026-01-01T01-00-00Z", { store: "elsewhere" });
  return site;
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
    await using place = await siteWith(store);
    for (const words of FINDING) {
      const { code, stdout, stderr } = await place.run([...words, ...flags, "--json"]);
      assert.equal(code, 0, stderr);
      assert.match(stdout, SNAPSHOT, words.join(" "));
    }
    const plan = await place.run(["plan", ...flags, "--json"]);
    assert.match(plan.stdout, /"state": "present"/);
    const doctor = await place.run(["doctor", ...flags, "--json"]);
    assert.match(doctor.stdout, /free for snapshots in .*\/elsewhere"/);
  });

  test(`snapshots are written where ${how} their folder`, async () => {
    await using place = await siteWith(store);
    const { code, stderr } = await place.run(["volume", "snapshot", "data", ...flags]);
    assert.equal(code, 0, stderr);
    const destroy = await place.run(["destroy", "--skip-confirmation", ...flags]);
    assert.equal(destroy.code, 0, destroy.stderr);
    const files = await readdir(join(place.folder, "elsewhere", "data"));
    assert.equal(files.length, 6, files.join());
    assert.deepEqual((await readdir(place.folder)).toSorted(), ["dockform.yml", "elsewhere"]);
  });
}

test("a manifest's folder of snapshots starts where the manifest is", async () => {
  await using place = await siteWith("./elsewhere");
  const inner = join(place.folder, "inner");
  await mkdir(inner);
  await rename(join(place.folder, "dockform.yml"), join(inner, "dockform.yml"));
  const { stdout } = await place.run(["-m", "inner", "snapshot", "list", "--json"]);
  assert.match(stdout, /"folder": ".*\/inner\/elsewhere"/);
});

test("-o is another spelling of --store for a snapshot, and both are one too many", async () => {
  await using place = await siteWith(undefined);
  const both = await place.run(["volume", "snapshot", "data", "-o", "a", "--store", "b"]);
  assert.equal(both.code, 2);
  assert.match(both.stderr, /cannot be used with option '--store <folder>'/);
  const { stdout } = await place.run(["volume", "snapshot", "data", "-o", "a", "--json"]);
  assert.match(stdout, /"archive": ".*\/a\/data\/2026-01-02T03-04-15Z/);
});

test("what is to name another kind of store is not taken for a folder", async () => {
  await using place = await siteWith(undefined);
  for (const text of ["s3://bucket/path", "~/snapshots"]) {
    const { code, stderr } = await place.run(["snapshot", "list", "--store", text]);
    assert.equal(code, 2, stderr);
    assert.match(stderr, /--store <folder>' argument '.*' is invalid\. Expected a folder\./);
  }
});
