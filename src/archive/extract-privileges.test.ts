/** Programs that run as somebody else, and devices. */
import assert from "node:assert/strict";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileEntry, folderEntry } from "../../test/fakes/archived.ts";
import { extractEntries, IS_ROOT, scratchFolder } from "../../test/fakes/extraction.ts";
import { run } from "../../test/oracle/host.ts";
import type { WrittenEntry } from "../tar/write.ts";

const skip = !IS_ROOT && "devices need root";

/** cap_net_raw, permitted and effective. */
const NET_RAW = Buffer.from("0100000200200000000000000000000000000000", "hex");
const XATTRS = new Map([
  ["security.capability", NET_RAW],
  ["user.kept", Buffer.from("yes")],
]);

function entries(): readonly WrittenEntry[] {
  const device: WrittenEntry = {
    ...fileEntry("./null", ""),
    type: "char",
    device: { major: 1, minor: 3 },
  };
  return [
    folderEntry("./"),
    folderEntry("./shared/", { mode: 0o2775 }),
    fileEntry("./setuid", "x", { mode: 0o4755 }),
    fileEntry("./setgid", "x", { mode: 0o2755 }),
    fileEntry("./capable", "x", { mode: 0o755, xattrs: XATTRS }),
    fileEntry("./plain", "x"),
    device,
    { ...fileEntry("./null-again", ""), type: "hardlink", linkTarget: "./null" },
    { ...fileEntry("./pipe", ""), type: "fifo" },
  ];
}

async function modes(folder: string): Promise<Readonly<Record<string, string>>> {
  const found: Record<string, string> = {};
  for (const name of (await readdir(folder)).toSorted()) {
    found[name] = ((await stat(join(folder, name))).mode & 0o7777).toString(8);
  }
  return found;
}

test("they are left out, and counted", { skip }, async (t) => {
  const scratch = await scratchFolder(t);
  const report = await extractEntries(entries(), scratch);
  assert.deepEqual(await modes(scratch), {
    capable: "755",
    pipe: "644",
    plain: "644",
    setgid: "755",
    setuid: "755",
    shared: "2775",
  });
  assert.equal(report.privilegedLeftOut, 4);
  assert.equal(report.entries, 7);
  assert.deepEqual(report.notRestored, []);
  assert.deepEqual(await attributesOf(join(scratch, "capable")), ["user.kept"]);
});

test("they come back when it is asked for", { skip }, async (t) => {
  const scratch = await scratchFolder(t);
  const report = await extractEntries(entries(), scratch, { withPrivileges: true });
  const found = await modes(scratch);
  assert.deepEqual([found["setuid"], found["setgid"]], ["4755", "2755"]);
  assert.ok((await stat(join(scratch, "null-again"))).isCharacterDevice());
  assert.deepEqual(await attributesOf(join(scratch, "capable")), [
    "security.capability",
    "user.kept",
  ]);
  assert.equal(report.privilegedLeftOut, 0);
  assert.equal(report.entries, 9);
});

async function attributesOf(path: string): Promise<readonly string[]> {
  const list = await run("getfattr", ["--absolute-names", "-m", "-", path]);
  return list
    .toString()
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
}
