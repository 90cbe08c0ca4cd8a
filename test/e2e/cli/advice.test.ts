/** Commands that refusals advise, followed word by word. */
import assert from "node:assert/strict";
import { mkdir, stat, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { testEngine } from "../../engine/test-engine.ts";
import { run } from "../../oracle/host.ts";
import { writeFiles } from "../archives.ts";
import { Sandbox } from "../harness.ts";

const { host, skip } = await testEngine();

const OWNER_ID = 54_321;
/** The name of another owner here: an archive says both. */
const STORED_OWNER = [`--owner=daemon:${OWNER_ID}`, `--group=daemon:${OWNER_ID}`];
const PACK = ["--xattrs", "--acls", ...STORED_OWNER];

async function makeSource(sandbox: Sandbox): Promise<string> {
  const source = sandbox.path("source");
  await writeFiles(source, { a: "a", large: Buffer.alloc(30_000, "x").toString() });
  await run("setfattr", ["-n", "user.note", "-v", "kept", `${source}/a`]);
  await run("setfattr", ["-n", "trusted.note", "-v", "kept", `${source}/a`]);
  await run("setfacl", ["-m", "u:1234:rw", `${source}/a`]);
  return source;
}

async function assertWhole(folder: string): Promise<void> {
  const file = `${folder}/a`;
  const { uid, gid } = await stat(file);
  assert.deepEqual([uid, gid], [OWNER_ID, OWNER_ID]);
  const attributes = await run("getfattr", ["--absolute-names", "-d", "-m", "-", file]);
  assert.match(attributes.toString(), /trusted\.note="kept"\nuser\.note="kept"/);
  const acl = await run("getfacl", ["--absolute-names", "-n", file]);
  assert.match(acl.toString(), /user:1234:rw-/);
}

/** The commands that a refusal gives in backquotes. */
function commandsIn(text: string): readonly string[] {
  return [...text.matchAll(/`(tar [^`]*)`/g)].map(([, command = ""]) => command);
}

/** Extracts into the folder and packs it again, as advised; returns the archive, which is checked by itself, too. */
async function follow(
  sandbox: Sandbox,
  extractions: readonly string[],
  packing: string,
): Promise<void> {
  const folder = sandbox.path("unpacked");
  await mkdir(folder);
  for (const command of extractions) await run("sh", ["-c", `cd "$0" && ${command}`, folder]);
  await assertWhole(folder);
  await run("sh", ["-c", `cd "$0/.." && ${packing.replace("FOLDER", "unpacked")}`, folder]);
  const volume = await sandbox.volume("into");
  const args = ["volume", "restore", volume.name, sandbox.path("whole.tar"), "--undeclared"];
  const { code, stderr } = await sandbox.dockform([...args, "--without", "attributes"]);
  assert.equal(code, 0, stderr);
  const again = sandbox.path("again");
  await mkdir(again);
  const options = ["--xattrs", "--xattrs-include=*", "--acls", "--numeric-owner"];
  await run("tar", [...options, "-C", again, "-xpf", sandbox.path("whole.tar")]);
  await assertWhole(again);
}

test("dumps that are put together as advised lose nothing", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const source = await makeSource(sandbox);
  const dumps = ["full.tar", "later.tar"].map((name) => sandbox.path(name));
  for (const dump of dumps) {
    await run("tar", [...PACK, "-g", sandbox.path("list"), "-C", source, "-cf", dump, "."]);
    await writeFile(`${source}/new`, "new");
  }
  const { code, stderr } = await sandbox.dockform(["snapshot", "verify", dumps[1] ?? ""]);
  assert.equal(code, 3, stderr);
  const [extract = "", pack = "", ...more] = commandsIn(stderr);
  assert.deepEqual(more, []);
  await follow(
    sandbox,
    dumps.map((dump) => extract.replace("DUMP", dump)),
    pack,
  );
});

test(
  "an archive of several volumes that is put together as advised loses nothing",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(host);
    const source = await makeSource(sandbox);
    const parts = ["part1.tar", "part2.tar", "part3.tar", "part4.tar"].map((name) =>
      sandbox.path(name),
    );
    const files = parts.flatMap((part) => ["-f", part]);
    await run("tar", [...PACK, "-M", "-L", "20", "-C", source, "-c", ...files, "large", "a"]);
    const { code, stderr } = await sandbox.dockform(["snapshot", "verify", parts[1] ?? ""]);
    assert.equal(code, 3, stderr);
    const [extract = "", pack = "", ...more] = commandsIn(stderr);
    assert.deepEqual(more, []);
    const [first = "", second = ""] = parts;
    await follow(sandbox, [extract.replace("FIRST", first).replace("NEXT", second)], pack);
  },
);
