/** What `snapshot list`, `snapshot status` and `snapshot show` say was found out of a snapshot. */
import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { sampleSidecar } from "../../../test/contract/sidecar.ts";
import { runOnConsole } from "../../../test/fakes/console.ts";
import { FakeEngine } from "../../../test/fakes/engine.ts";
import { FakeSite } from "../../../test/fakes/workspace.ts";
import type { Sidecar } from "../../snapshot/sidecar.ts";

/** Five hours and two hours before now. */
const [EARLIER, LATER] = ["2026-01-02T00:00:00Z", "2026-01-02T03:00:00Z"];
const NOW = new Date("2026-01-02T05:00:00Z");
const FIELDS = ["verified_at", "proven_at", "unhealthy_at"];

/** What the commands print of a volume's only snapshot. */
async function said(fields: Partial<Sidecar>) {
  await using site = await FakeSite.create({ identifier: "x", volumes: { data: {} } }, {});
  const into = join(site.folder, ".dockform", "snapshots", "data");
  await mkdir(into, { recursive: true });
  const base = join(into, "2026-01-01T01-00-00Z__spec-00000000");
  await writeFile(`${base}.tar.zst`, "data");
  await writeFile(`${base}.json`, JSON.stringify(sampleSidecar(fields)));
  const run = async (...words: readonly string[]): Promise<string> => {
    const where = { cwd: site.folder, engine: new FakeEngine(), now: () => NOW };
    return stripVTControlCharacters((await runOnConsole(words, where)).stdout);
  };
  return {
    list: await run("snapshot", "list", "--utc"),
    status: await run("snapshot", "status"),
    show: await run("snapshot", "show", `${base}.tar.zst`, "--utc"),
    inList: fieldsOf(await run("snapshot", "list", "--json")),
    inStatus: fieldsOf(await run("snapshot", "status", "--json")),
    whole: await run("snapshot", "list", "--json"),
  };
}

function fieldsOf(json: string): readonly (readonly [string, string])[] {
  return FIELDS.map((name) => [name, new RegExp(`"${name}": (.+?),?\\n`).exec(json)?.[1] ?? ""]);
}

test("list, status and show say the same of a snapshot that was verified and proven", async () => {
  const { list, status, show, inList, inStatus } = await said({
    verified_at: "2026-01-02T03:00:00.123Z",
    proven_at: EARLIER,
  });
  assert.match(list, /VERIFIED +PROVEN +NOTE\n/);
  assert.match(list, / 1 hour ago +5 hours ago\n/);
  assert.match(status, / 1 hour ago +5 hours ago\n/);
  assert.match(show, /verified +2026-01-02T03:00:00Z, 2 hours ago\n/);
  assert.deepEqual(Object.fromEntries(inList), {
    verified_at: `"${LATER}"`,
    proven_at: `"${EARLIER}"`,
    unhealthy_at: "null",
  });
  assert.deepEqual(inStatus, inList);
});

test("of one that cannot be used nothing is said to be verified or proven", async () => {
  const found = { verified_at: LATER, proven_at: LATER, stored_bytes: 5 };
  const { list, status, show, inList } = await said(found);
  assert.match(list, / never +damaged: it is 4 bytes long/);
  assert.doesNotMatch(list, /PROVEN/);
  assert.match(status, /damaged +- +- +- +-\n/);
  assert.match(show, /problem +it is 4 bytes long, and was 5.*\nverified +never\n/);
  assert.doesNotMatch(show, /proven/);
  assert.deepEqual([...new Set(inList.map(([, value]) => value))], ["null"]);
});

test("what was proven before containers were not healthy on it is not proven any more", async () => {
  const { list, status, inList, inStatus } = await said({
    proven_at: EARLIER,
    unhealthy_at: LATER,
  });
  assert.match(list, /containers were not healthy on it at 2026-01-02T03:00:00Z/);
  assert.match(status, / never +never\n/);
  assert.deepEqual(inList.at(-1), ["unhealthy_at", `"${LATER}"`]);
  assert.deepEqual(inStatus, inList);
});

test("a list says when a snapshot was found damaged, and what it was written for", async () => {
  const { whole } = await said({
    damaged_at: LATER,
    notes: "the contents before a restore in place",
  });
  assert.match(whole, new RegExp(`"damaged_at": "${LATER}"`));
  assert.match(whole, /"purpose": "safety"/);
  assert.match((await said({})).whole, /"purpose": null/);
});
