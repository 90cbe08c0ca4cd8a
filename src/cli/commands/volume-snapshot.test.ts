import assert from "node:assert/strict";
import { test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { runOnConsole, type Printed } from "../../../test/fakes/console.ts";
import { ReadVolumes } from "../../../test/fakes/read-volumes.ts";
import { FakeSite } from "../../../test/fakes/workspace.ts";

const ANONYMOUS = "0123456789abcdef".repeat(4);

let seconds = 0;

async function snapshot(
  site: FakeSite,
  volumes: ReadVolumes,
  args: string,
): Promise<Omit<Printed, "shown">> {
  const { code, stdout, stderr } = await runOnConsole(["volume", "snapshot", ...args.split(" ")], {
    cwd: site.folder,
    engine: volumes.engine,
    // Two snapshots of a volume are never of the same second.
    now: () => new Date(Date.UTC(2026, 0, 2, 3, 4, (seconds += 1))),
  });
  return {
    code,
    stdout: stripVTControlCharacters(stdout),
    stderr: stripVTControlCharacters(stderr),
  };
}

test("of all volumes one that fails stops no other; it is named, and so is what is left out", async () => {
  const volumes = new ReadVolumes("data", "mail", "notes", ANONYMOUS);
  volumes.unreadable.add("mail");
  await using site = await FakeSite.create(undefined, {});
  const { code, stdout, stderr } = await snapshot(site, volumes, "--all");
  assert.equal(code, 1);
  assert.match(stdout, /Snapshot of default\/data: .*\n.*\nSnapshot of default\/notes: /);
  assert.match(stderr, /^Left out: 1 volume without a name of its own$/m);
  assert.match(stderr, /^warning: 1 of 3 snapshots failed: default\/mail$/m);
  assert.match(stderr, /^error: cannot read volume "mail"/m);

  const { failures, left_out, snapshots } = JSON.parse(
    (await snapshot(site, volumes, "--all --exclude n* --json")).stdout,
  );
  assert.deepEqual(
    [snapshots, failures].map((list: { volume: string }[]) => list.map((each) => each.volume)),
    [["data"], ["mail"]],
  );
  assert.deepEqual(left_out, [
    { context: "default", volume: ANONYMOUS, why: "anonymous" },
    { context: "default", volume: "notes", why: "excluded" },
  ]);
});

test("--if-changed says why a snapshot was written", async () => {
  const volumes = new ReadVolumes("data");
  await using site = await FakeSite.create(undefined, {});
  const first = await snapshot(site, volumes, "data --if-changed");
  assert.match(first.stdout, /\n {2}it is the volume's first snapshot\n$/);
  volumes.contents.set("data", "zzzzzzzzzz");
  const changed = JSON.parse((await snapshot(site, volumes, "data --if-changed --json")).stdout);
  assert.deepEqual(changed.snapshots[0].copied_because, {
    reason: "changed",
    text: "1 of 1 entry changed since the newest snapshot, such as file",
    changed_entries: 1,
    example: "file",
  });
  assert.match((await snapshot(site, volumes, "data --if-changed")).stdout, /^Unchanged: /);
  const plain = await snapshot(site, volumes, "data");
  assert.equal(plain.stdout.split("\n").length, 3);
});
