import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeAgent } from "../../test/fakes/agent.ts";
import { fakeTools } from "../../test/fakes/surroundings.ts";
import { inFastTime } from "../../test/fakes/time.ts";
import { VolumeVerbs } from "../helper/verbs.ts";
import { takeFingerprint, type Fingerprint } from "./fingerprint.ts";

const NOW_SECONDS = 1_700_000_000;
const WAITING = { since: undefined, mayWait: true };

/** One entry, as find writes it. */
function record(path: string, changedSeconds = NOW_SECONDS - 60, device = 8): string {
  return `${device} ${changedSeconds}.5 1.5 f 644 0 0 17 1 5 ${path}\0\0`;
}

interface Walk {
  readonly records?: string;
  readonly facts?: Readonly<Record<string, string>>;
  readonly messages?: readonly string[];
}

const FACTS = {
  file_system: "ext2/ext3",
  find_status: "0",
  time: String(NOW_SECONDS),
  boot: "one",
};

/** A volume that is looked at once for each of the walks. */
function volume(...walks: readonly Walk[]): FakeAgent {
  const left = [...walks];
  return new FakeAgent(([verb, output]) => {
    assert.deepEqual([verb, output], ["fingerprint", "-"]);
    const { records = record("a"), facts = {}, messages = [] } = left.shift() ?? assert.fail();
    return { data: Buffer.from(records), facts: { ...FACTS, ...facts }, messages };
  });
}

async function taken(walk: Walk): Promise<Fingerprint> {
  return await takeFingerprint(new VolumeVerbs(volume(walk)), WAITING, fakeTools());
}

test("what has not changed has one fingerprint, and what has, another", async () => {
  const { value } = await taken({});
  assert.match(value?.value ?? "", /^[0-9a-f]{64}$/);
  assert.deepEqual((await taken({})).value, value);
  for (const other of [
    { records: record("b") },
    { records: record("a") + record("b") },
    { records: record("a", NOW_SECONDS - 61) },
    { facts: { boot: "two" } },
  ]) {
    assert.notEqual((await taken(other)).value?.value, value?.value);
  }
});

test("entries are told apart in whatever chunks they come", async () => {
  const records = Array.from({ length: 200 }, (_, i) => record(`file ${i}`));
  const { value } = await taken({ records: records.join("") });
  assert.deepEqual((await taken({ records: records.toReversed().join("") })).value, value);
});

test("there is none where metadata does not tell, and it is said why", async () => {
  const cases: readonly (readonly [Walk, RegExp])[] = [
    [{ facts: { file_system: "nfs" } }, /volume on nfs may change without a trace/],
    [{ facts: { file_system: "tmpfs" } }, /volume on tmpfs/],
    [{ facts: { find_status: "1" }, messages: ["find: a: Input/output error"] }, /\(find: a: Inp/],
    [{ facts: { find_status: "1" } }, /\(no message\)/],
    [{ records: "" }, /could not read it/],
    [{ records: record("a").slice(0, -1) }, /could not read it/],
    [{ records: record("a") + record("b", NOW_SECONDS - 60, 9) }, /other file systems are mounted/],
    [{ facts: { "unfinished_.dockform-0123456789ab": "new" } }, /was interrupted/],
  ];
  for (const [walk, why] of cases) {
    const { value, unreliable } = await taken(walk);
    assert.equal(value, undefined);
    assert.match(unreliable ?? "", why);
  }
});

test("a file system that is not told is none that tells", async () => {
  const agent = new FakeAgent(() => ({ data: Buffer.from(record("a")), facts: {} }));
  const { unreliable } = await takeFingerprint(new VolumeVerbs(agent), WAITING, fakeTools());
  assert.match(unreliable ?? "", /volume on unknown/);
});

test("what changed a moment ago is looked at again when its time has passed", async (t) => {
  const justNow = { records: record("a", NOW_SECONDS - 1) };
  const later = { ...justNow, facts: { time: String(NOW_SECONDS + 3) } };
  const agent = volume(justNow, later);
  const { value } = await inFastTime(t, () =>
    takeFingerprint(new VolumeVerbs(agent), WAITING, fakeTools()),
  );
  assert.equal(agent.verbs.length, 2);
  assert.deepEqual(value, (await taken(later)).value);
});

test("what changes all the time has none", async (t) => {
  const walks = [0, 3].map((passed) => ({
    records: record("a", NOW_SECONDS + passed),
    facts: { time: String(NOW_SECONDS + passed) },
  }));
  const agent = volume(...walks);
  const { unreliable } = await inFastTime(t, () =>
    takeFingerprint(new VolumeVerbs(agent), WAITING, fakeTools()),
  );
  assert.equal(agent.verbs.length, 2);
  assert.match(unreliable ?? "", /files in it are being changed/);
});

test("a change from a time to come is not waited for", async () => {
  const agent = volume({ records: record("a", NOW_SECONDS + 3600) });
  const { unreliable } = await takeFingerprint(new VolumeVerbs(agent), WAITING, fakeTools());
  assert.match(unreliable ?? "", /files in it are being changed/);
  assert.equal(agent.verbs.length, 1);
});

test("an abort ends the wait", async () => {
  const controller = new AbortController();
  const agent = volume({ records: record("a", NOW_SECONDS) });
  const fingerprint = takeFingerprint(
    new VolumeVerbs(agent),
    WAITING,
    fakeTools("somebody", controller.signal),
  );
  setTimeout(() => controller.abort(), 20);
  await assert.rejects(fingerprint, { name: "AbortError" });
});

test("it says of how many entries it is made, when the last of them changed, and since which boot", async () => {
  const records = record("a") + record("b", NOW_SECONDS - 50);
  const { value, ...rest } = (await taken({ records })).value ?? assert.fail();
  assert.match(value, /^[0-9a-f]{64}$/);
  const algo = "metadata-1";
  assert.deepEqual(rest, { algo, boot: "one", entries: 2, newest_change: NOW_SECONDS - 49.5 });
});

test("what changed since an earlier one is counted, and one is named: a file rather than its folder", async () => {
  const { value: since } = await taken({});
  const folder = record("docs", NOW_SECONDS - 10).replace(" f ", " d ");
  const cases: readonly (readonly [string, number, string | undefined])[] = [
    [record("a"), 0, undefined],
    [record("a") + record("new one", NOW_SECONDS - 30), 1, "new one"],
    [record("a", NOW_SECONDS - 30) + record("b", NOW_SECONDS - 20) + folder, 3, "b"],
    [record("a") + folder, 1, "docs"],
    [record("a") + record("", NOW_SECONDS - 30).replace(" f ", " d "), 1, "."],
  ];
  for (const [records, count, example] of cases) {
    const verbs = new VolumeVerbs(volume({ records }));
    const taking = await takeFingerprint(verbs, { since, mayWait: true }, fakeTools());
    assert.deepEqual("changed" in taking && taking.changed, { count, example });
  }
});

test("where nobody asked for it, what changed a moment ago is not waited for", async () => {
  const agent = volume({ records: record("a", NOW_SECONDS - 1) });
  const asked = { since: undefined, mayWait: false };
  const { unreliable } = await takeFingerprint(new VolumeVerbs(agent), asked, fakeTools());
  assert.match(unreliable ?? "", /being changed/);
  assert.equal(agent.verbs.length, 1);
});
