import assert from "node:assert/strict";
import { test } from "node:test";
import { ReadVolumes } from "../../test/fakes/read-volumes.ts";
import { DEFAULT_HOST, FakeSite } from "../../test/fakes/workspace.ts";
import type { Tools } from "../tools.ts";
import { parseInterval } from "../snapshot/duration.ts";
import type { DeclaredFreshness } from "./freshness.ts";
import { isDue, nightly } from "./nightly.ts";

const HOUR_MS = 3_600_000;

function fresh(every: string | undefined, ageHours: number): DeclaredFreshness {
  return {
    context: "default",
    volume: "data",
    state: every === undefined ? "present" : "fresh",
    every: every === undefined ? undefined : parseInterval(every),
    newest: undefined,
    unchangedAt: undefined,
    ageMs: ageHours * HOUR_MS,
    assurance: {
      damagedAt: undefined,
      verifiedAt: undefined,
      provenAt: undefined,
      unhealthyAt: undefined,
    },
    damaged: [],
  };
}

test("a snapshot is due when the newest one would be too old before the next night", () => {
  const cases: readonly (readonly [string | undefined, number, boolean])[] = [
    // A timer that fired a little later yesterday makes no gap.
    ["1d", 23, true],
    ["1d", 0, true],
    ["36h", 10, false],
    ["36h", 12, true],
    ["1w", 24, false],
    ["1w", 6 * 24, true],
    // Nothing says how old it may get: what nothing changed in costs nothing.
    [undefined, 1, true],
  ];
  for (const [every, ageHours, due] of cases) {
    assert.equal(isDue(fresh(every, ageHours)), due, `${every} ${ageHours}`);
  }
});

test("what is missing, damaged or not known is due whatever its age, and what is not wanted never is", () => {
  for (const state of ["missing", "damaged", "future", "stale"] as const) {
    assert.equal(isDue({ ...fresh("1w", 1), state }), true, state);
  }
  assert.equal(isDue({ ...fresh(undefined, 1), every: "never", state: "excluded" }), false);
});

test("a night that is interrupted removes nothing", async () => {
  const volumes = new ReadVolumes("data", "mail");
  const keep = { snapshot: { keep: { last: 1 } } };
  const manifest = { identifier: "x", volumes: { data: keep, mail: keep } };
  await using site = await FakeSite.create(manifest, { [DEFAULT_HOST]: volumes.engine });
  const controller = new AbortController();
  let seconds = 0;
  let interruptAt = "";
  const tools: Tools = {
    ...site.tools,
    signal: controller.signal,
    now: () => new Date(Date.UTC(2026, 0, 2, 3, 4, (seconds += 1))),
    startProgress: (label) => {
      if (label === interruptAt) controller.abort(new Error("enough"));
      return site.tools.startProgress(label);
    },
  };
  using workspace = await site.open();
  const kept = async (): Promise<readonly string[]> =>
    (await workspace.store.list()).flatMap(({ snapshots }) =>
      snapshots.map(({ archivePath }) => archivePath),
    );
  await nightly(workspace, { dryRun: false }, tools);
  const before = await kept();
  for (const volume of ["data", "mail"]) volumes.contents.set(volume, "zzzzzz");
  interruptAt = "mail";
  await assert.rejects(nightly(workspace, { dryRun: false }, tools), /enough/);
  const after = await kept();
  assert.deepEqual(
    before.filter((each) => !after.includes(each)),
    [],
  );
});

test("what was written tonight stays where a clock that was set back a little makes it an old one", async () => {
  const volumes = new ReadVolumes("data");
  const keep = { snapshot: { keep: { last: 1 } } };
  const manifest = { identifier: "x", volumes: { data: keep } };
  await using site = await FakeSite.create(manifest, { [DEFAULT_HOST]: volumes.engine });
  using workspace = await site.open();
  const at = (hours: number, minutes: number): Tools => ({
    ...site.tools,
    now: () => new Date(Date.UTC(2026, 0, 2, hours, minutes)),
  });
  await nightly(workspace, { dryRun: false }, at(3, 40));
  volumes.contents.set("data", "zzzzzz");
  const { pruning, snapshots } = await nightly(workspace, { dryRun: false }, at(3, 0));
  assert.deepEqual(
    [snapshots.map(({ outcome }) => outcome), pruning.map(({ heldBack }) => heldBack)],
    [["written"], ["future"]],
  );
  const [listed] = await workspace.store.list();
  assert.equal(listed?.snapshots.length, 2);
});
