/**
 * A client that dies at any moment of a restore or an undo, with helpers that die as well, others that come in between, and
 * recoveries that die in their turn. What is left in the end is old or new contents, whole, and nothing else.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FakeClient } from "../../test/fakes/client.ts";
import { House } from "../../test/fakes/house.ts";
import { fakeTools } from "../../test/fakes/surroundings.ts";
import { inFastTime } from "../../test/fakes/time.ts";
import { DockformError } from "../errors.ts";
import { recoverVolume } from "./recover.ts";
import { restoreVolume } from "./restore.ts";
import { undoVolume } from "./undo.ts";

const LOCK = "dockform-restore-data";
/** With this a process ends that was killed. */
const KILLED = 137;
/** More than any of the operations has. */
const MOMENTS = 260;

/** Other stories are told with another seed, and more of them with more runs. */
const SEED = Number(process.env["DOCKFORM_TEST_SEED"] ?? 1);
const RUNS = Number(process.env["DOCKFORM_TEST_RUNS"] ?? 120);

interface Story {
  readonly operation: "restore" | "undo";
  readonly keepPrevious: boolean;
  readonly users: readonly {
    readonly state: "created" | "running" | "paused";
    readonly restart: "no" | "always";
  }[];
  /** At which moment of its calls the client dies. */
  readonly dies: number;
  /** Of the recoveries that come after it, all but the last. */
  readonly recoveriesDie: readonly number[];
  /** At which moment another client tries to recover the volume. */
  readonly rival: number;
  /** Which step of the helper is its last. */
  readonly helperDies: "never" | "before the swap" | "in the swap" | "after the swap";
  /** Whether the client dies while its helper extracts, which stops then and puts away what it has. */
  readonly isCut: boolean;
}

const stories: fc.Arbitrary<Story> = fc.record({
  operation: fc.constantFrom("restore", "undo"),
  keepPrevious: fc.boolean(),
  users: fc.array(
    fc.record({
      state: fc.constantFrom("created", "running", "paused"),
      restart: fc.constantFrom("no", "always"),
    }),
    { maxLength: 2 },
  ),
  dies: fc.integer({ min: 1, max: MOMENTS }),
  recoveriesDie: fc.array(fc.integer({ min: 1, max: MOMENTS }), { maxLength: 2 }),
  rival: fc.integer({ min: 1, max: MOMENTS }),
  helperDies: fc.constantFrom("never", "before the swap", "in the swap", "after the swap"),
  isCut: fc.boolean(),
});

async function build({ operation, users }: Story): Promise<House> {
  const house = await House.build();
  for (const [i, { state, restart }] of users.entries())
    house.user(`user-${i}`, state, { restart });
  if (operation === "undo") {
    house.disk.kept = { contents: house.newContents, about: "{}" };
  }
  return house;
}

function begin(house: House, client: FakeClient, story: Story): Promise<unknown> {
  const tools = fakeTools("the first");
  if (story.operation === "restore") {
    return restoreVolume(house.request({ keepPrevious: story.keepPrevious }, client), tools);
  }
  const target = house.target(client);
  const workload = { stopContainers: true, healthTimeoutMs: 0 };
  return undoVolume({ target, undeclared: true, ...workload }, tools);
}

function recover(house: House, client: FakeClient): Promise<unknown> {
  return recoverVolume({ target: house.target(client), healthTimeoutMs: 0 }, fakeTools("another"));
}

/** The helper's container ends with the swap, once. */
function letHelperDie(house: House, when: Story["helperDies"]): void {
  if (when === "never") return;
  house.contents.instead.set("swap", async (call, real) => {
    house.contents.instead.delete("swap");
    if (when === "after the swap") await real(call);
    if (when === "in the swap") house.disk.tear(call.args[0] ?? "");
    await house.engine.killContainer(LOCK);
    return {};
  });
}

/** The client dies before all of the archive is extracted, once. */
function cutExtraction(house: House, client: FakeClient): void {
  house.contents.instead.set("extract", async (call) => {
    house.contents.instead.delete("extract");
    const [id = ""] = call.args;
    if (!house.disk.stagings.has(id))
      await house.contents.verbs["begin"]?.({ ...call, args: [id] });
    house.disk.own = id;
    client.die();
    return { status: KILLED };
  });
}

/** Resolves when the client is dead, or has come to its end. */
async function untilDeath(
  client: FakeClient,
  moments: { readonly dies: number; readonly rival?: () => Promise<unknown>; readonly at?: number },
  act: () => Promise<unknown>,
): Promise<"died" | "ended"> {
  let moment = 0;
  client.gate = async () => {
    moment += 1;
    if (moment === moments.at) await moments.rival?.().catch(() => {});
    if (moment !== moments.dies) return;
    client.die();
  };
  const ended = act().then(
    () => "ended" as const,
    () => "ended" as const,
  );
  return Promise.race([client.died, ended]);
}

/**
 * Of a client that dies after its helper had, when the next helper has the staging folder in hand and what stands in for the
 * first one is about to be removed, both are left: the folder is put away, and is told of. A recovery cannot know that
 * nothing is missing. It says so, and the next one is quiet.
 *
 * @returns whether it was so.
 */
async function recoverAtLast(house: House, { helperDies }: Story): Promise<boolean> {
  const last = (): Promise<unknown> => recover(house, new FakeClient(house.engine));
  try {
    await last();
    return false;
  } catch (error) {
    const isDoubt = error instanceof DockformError && error.code === "volume.contents-unknown";
    if (!isDoubt || helperDies === "never") throw error;
    assert.equal(house.inPlace, "old");
    await last();
    return true;
  }
}

async function play(house: House, story: Story): Promise<"died" | "ended" | "doubted"> {
  const before = house.users();
  letHelperDie(house, story.helperDies);
  const client = new FakeClient(house.engine);
  if (story.isCut) cutExtraction(house, client);
  const rival = (): Promise<unknown> => recover(house, new FakeClient(house.engine));
  const moments = { dies: story.dies, rival, at: story.rival };
  const first = await untilDeath(client, moments, () => begin(house, client, story));
  for (const dies of story.recoveriesDie) {
    const next = new FakeClient(house.engine);
    await untilDeath(next, { dies }, () => recover(house, next));
  }
  const isDoubted = await recoverAtLast(house, story);
  assert.notEqual(house.inPlace, "neither");
  assert.deepEqual(house.users(), before, "containers are as they were");
  assert.deepEqual([...house.disk.stagings], [], "nothing is left in the volume");
  const kept = house.kept === "nothing" ? [] : ["dockform-kept-contents-data"];
  assert.deepEqual(house.left(), kept, "nothing is left in the engine");
  if (story.operation === "undo") {
    assert.equal(house.kept, house.inPlace === "old" ? "new" : "old", "nothing was lost");
  }
  return isDoubted ? "doubted" : first;
}

test("whenever a client dies, a recovery leaves old or new contents, and containers as they were", async (t) => {
  const ends = { died: 0, ended: 0, doubted: 0 };
  await inFastTime(t, () =>
    fc.assert(
      fc.asyncProperty(stories, async (story) => {
        ends[await play(await build(story), story)] += 1;
      }),
      { numRuns: RUNS, seed: SEED },
    ),
  );
  assert.ok(ends.died > RUNS / 5, `${ends.died} deaths`);
  assert.ok(ends.doubted < RUNS / 200, `${ends.doubted} doubts`);
});

const POSING = "0123456789ab";

/** A folder of an application's that is named like a staging folder. */
async function pose(house: House): Promise<void> {
  const call = { args: [POSING], volume: "data", input: unasked, output: () => {} };
  await house.contents.verbs["begin"]?.(call);
  house.disk.own = undefined;
}

function unasked(): Promise<Buffer> {
  throw new Error("there is no data");
}

test("whenever recoveries die, a folder that is only named like ours is put aside, and nothing else is touched", async (t) => {
  let deaths = 0;
  const deathsOfRecoveries = fc.array(fc.integer({ min: 1, max: 40 }), {
    minLength: 1,
    maxLength: 3,
  });
  await inFastTime(t, () =>
    fc.assert(
      fc.asyncProperty(stories, deathsOfRecoveries, async (story, recoveriesDie) => {
        const house = await build({ ...story, operation: "restore" });
        await pose(house);
        const before = house.users();
        for (const dies of recoveriesDie) {
          const client = new FakeClient(house.engine);
          if ((await untilDeath(client, { dies }, () => recover(house, client))) === "died") {
            deaths += 1;
          }
        }
        await recover(house, new FakeClient(house.engine));
        assert.equal(house.inPlace, "old");
        assert.deepEqual(house.users(), before);
        assert.deepEqual([...house.disk.stagings], []);
        assert.ok(Object.hasOwn(house.disk.facts, `aside_${POSING}`), "it is put aside");
        assert.deepEqual(house.left(), ["dockform-set-aside-data"]);
      }),
      { numRuns: RUNS, seed: SEED },
    ),
  );
  assert.ok(deaths > RUNS / 2, `${deaths} deaths`);
});
