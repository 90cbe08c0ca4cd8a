import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FakeClient } from "../../test/fakes/client.ts";
import { FakeEngine } from "../../test/fakes/engine.ts";
import { runsHelpers } from "../../test/fakes/helper.ts";
import { fakeTarget, fakeTools, type FakeTools } from "../../test/fakes/surroundings.ts";
import { inspectVolume } from "../engine/volumes.ts";
import { DockformError } from "../errors.ts";
import { LockedVolume } from "../lock/lock.ts";
import type { AboutKept, KeptContents } from "./kept.ts";
import { replaceTogether, type Replaced } from "./replace.ts";
import type { Replacement } from "./replacement.ts";
import { UndecidedSwapError } from "./undecided.ts";

const KEPT: KeptContents = { kept_at: "2026-01-01T00:00:00Z", replaced_by: "a test", bytes: 1 };

/** How a step of a fake replacement fails: with what was there in place, or between old and new. */
type Failure = "fails" | "undecided";

/** Where a fake replacement does not do what it should. */
interface Flaws {
  readonly swap?: Failure | undefined;
  readonly swapBack?: Failure | "stays" | undefined;
  readonly keepReplaced?: "cannot" | undefined;
  /** Which time holdOn is called, from 1, when another client has ended the operation. */
  readonly takenOverAt?: number | undefined;
}

/** New contents of no volume: it remembers what was asked of it. */
class FakeReplacement implements Replacement {
  readonly lock: LockedVolume;
  readonly leftOut = [];
  readonly durations = { extractMs: 1, swapMs: 2 };
  inPlace: "old" | "new" | "between" = "old";
  isDone = false;
  readonly #say: (step: string) => void;
  readonly #flaws: Flaws;
  #held = 0;
  #keeps: KeptContents | undefined;

  constructor(lock: LockedVolume, flaws: Flaws, say: (step: string) => void) {
    this.lock = lock;
    this.#flaws = flaws;
    this.#say = say;
  }

  async holdOn(): Promise<void> {
    this.#held += 1;
    if (this.#held === this.#flaws.takenOverAt) {
      throw new DockformError("restore.taken-over", "another client has ended the operation");
    }
  }

  async swap(): Promise<void> {
    this.#say("swap");
    if (this.#flaws.swap === "fails") throw new DockformError("restore.swap-failed", "no swap");
    if (this.#flaws.swap === "undecided") throw this.#between();
    this.inPlace = "new";
  }

  async swapBack({ keepNew }: { readonly keepNew: boolean }): Promise<"returned" | "after"> {
    this.#say(keepNew ? "swap back, keep new" : "swap back");
    const { swapBack } = this.#flaws;
    if (swapBack === "stays") return "after";
    if (swapBack === "fails") throw new Error("no way back");
    if (swapBack === "undecided") throw this.#between();
    this.inPlace = "old";
    this.#keeps = keepNew ? KEPT : undefined;
    return "returned";
  }

  async keepReplaced(about: AboutKept): Promise<boolean> {
    this.#say("keep old");
    this.#keeps = { ...about, bytes: 1 };
    return this.#flaws.keepReplaced !== "cannot";
  }

  async conclude(): Promise<KeptContents | undefined> {
    this.#say("conclude");
    this.isDone = true;
    return this.#keeps;
  }

  async putAway(): Promise<void> {
    this.#say("put away");
    this.isDone = true;
  }

  undecided(cause: string): UndecidedSwapError {
    this.lock.abandon();
    return new UndecidedSwapError(this.lock, this.lock.stagingId, cause);
  }

  #between(): UndecidedSwapError {
    this.inPlace = "between";
    return this.undecided("it was cut short");
  }
}

/** An engine with some volumes, all of which one container uses. */
class Scene implements AsyncDisposable {
  readonly engine = new FakeEngine(
    runsHelpers({ verbs: { lies_on: () => ({}) }, finish: () => 0 }),
  );
  readonly client = new FakeClient(this.engine);
  readonly tools: FakeTools = fakeTools();
  readonly steps: string[] = [];
  readonly members: FakeReplacement[] = [];
  readonly appId: string;
  readonly #isWell: boolean;

  private constructor(names: readonly string[], isWell: boolean) {
    this.#isWell = isWell;
    for (const name of names) this.engine.createVolume(name);
    const Mounts = names.map((Source) => ({ Type: "volume", Source, Target: `/${Source}` }));
    const { id } = this.engine.createContainer("app", { Image: "app:1", HostConfig: { Mounts } });
    this.engine.startContainer(id);
    this.appId = id;
    const { gate } = this.client;
    this.client.gate = (call, moment) => {
      const [, what] = /^POST \/containers\/[^/]+\/(start|stop)$/.exec(call) ?? [];
      if (what !== undefined && call.includes(id) && moment === "asking") this.steps.push(what);
      return gate(call, moment);
    };
  }

  /** @param flaws by the volumes' names. */
  static async of(flaws: Readonly<Record<string, Flaws>>, isWell = true): Promise<Scene> {
    const scene = new Scene(Object.keys(flaws), isWell);
    for (const [name, flawsOfOne] of Object.entries(flaws)) {
      const volume = await inspectVolume(scene.client, name);
      assert.ok(volume);
      const target = fakeTarget(scene.client, name);
      const lock = await LockedVolume.lock(target, volume, "restore", scene.tools);
      const say = (step: string): void => void scene.steps.push(`${name}: ${step}`);
      scene.members.push(new FakeReplacement(lock, flawsOfOne, say));
    }
    return scene;
  }

  get app() {
    return this.engine.container(this.appId);
  }

  /** Names of what the engine is told of what was stopped. */
  get records(): readonly string[] {
    return this.engine.ours
      .map(({ name }) => name.replace(/-[0-9a-f]{8}$/, ""))
      .filter((name) => !name.startsWith("dockform-restore-"));
  }

  get abandoned(): readonly boolean[] {
    return this.members.map(({ lock }) => lock.isAbandoned);
  }

  replace(): Promise<Replaced> {
    const status = this.#isWell ? "healthy" : "unhealthy";
    this.app.health = { Status: status, Log: [] };
    const workload = { stopContainers: true, healthTimeoutMs: 1000 };
    return replaceTogether(this.members, workload, this.tools);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { lock } of this.members) await lock[Symbol.asyncDispose]();
  }
}

test("all volumes of a set are replaced with one stop and one start", async () => {
  await using scene = await Scene.of({ one: {}, two: {} });
  const { containers, kept } = await scene.replace();
  assert.deepEqual(scene.steps, [
    "stop",
    "one: swap",
    "two: swap",
    "start",
    "one: conclude",
    "two: conclude",
  ]);
  assert.deepEqual(
    containers.map(({ name, outcome }) => [name, outcome]),
    [["app", "started"]],
  );
  assert.equal(kept.size, 0);
  assert.deepEqual(scene.records, []);
  assert.deepEqual(scene.abandoned, [false, false]);
});

test("where one swap fails, what was swapped goes back before the containers start", async () => {
  await using scene = await Scene.of({ one: {}, two: {}, zoo: { swap: "fails" } });
  await assert.rejects(scene.replace(), { code: "restore.swap-failed" });
  assert.deepEqual(scene.steps, [
    "stop",
    "one: swap",
    "two: swap",
    "zoo: swap",
    "two: swap back",
    "one: swap back",
    "start",
    "one: conclude",
    "two: conclude",
    "zoo: put away",
  ]);
  assert.deepEqual(scene.records, []);
  assert.deepEqual(scene.abandoned, [false, false, false]);
});

test("where the containers are not healthy, all go back, and their new contents can be kept", async () => {
  await using scene = await Scene.of({ one: {}, two: {} }, false);
  const error: unknown = await scene.replace().catch((reason: unknown) => reason);
  assert.ok(error instanceof DockformError);
  assert.equal(error.code, "restore.unhealthy");
  const undo = {
    code: "undo-to-new",
    volumes: [
      { volume: "one", declared: false },
      { volume: "two", declared: false },
    ],
  };
  assert.deepEqual(error.advice, [{ code: "more-health-time" }, undo]);
  assert.deepEqual(scene.steps.slice(3), [
    "start",
    "stop",
    "two: swap back, keep new",
    "one: swap back, keep new",
    "start",
    "one: conclude",
    "two: conclude",
  ]);
  assert.deepEqual(scene.records, ["dockform-kept-contents-one", "dockform-kept-contents-two"]);
});

for (const [what, flaws] of [
  ["a swap that is cut short", { one: {}, two: { swap: "undecided" } }],
  ["a way back that fails", { one: { swapBack: "fails" }, two: { swap: "fails" } }],
  ["a way back that is cut short", { one: { swapBack: "undecided" }, two: { swap: "fails" } }],
  ["new contents that cannot be put back", { one: { swapBack: "stays" }, two: { swap: "fails" } }],
] as const) {
  test(`${what} leaves all of the set to a recovery, and the containers stopped`, async () => {
    await using scene = await Scene.of(flaws);
    await assert.rejects(scene.replace(), { code: "restore.swap-undecided" });
    assert.equal(scene.app.state, "exited");
    assert.deepEqual(scene.abandoned, [true, true]);
    assert.ok(scene.members.every(({ isDone }) => !isDone));
    // With the last: a recovery of all goes by their names.
    assert.deepEqual(scene.records, ["dockform-stopped-containers-two"]);
  });
}

test("new contents of a single volume that cannot be put back stay, and the containers run", async () => {
  await using scene = await Scene.of({ one: { swapBack: "stays" } }, false);
  await assert.rejects(scene.replace(), { code: "restore.unhealthy" });
  assert.deepEqual(scene.steps.slice(-4), [
    "one: swap back, keep new",
    "start",
    "one: keep old",
    "one: conclude",
  ]);
  assert.equal(scene.app.state, "running");
  assert.deepEqual(scene.abandoned, [false]);
});

test("whoever another client has overtaken stops nothing, and starts nothing", async () => {
  // The second time is after the record of what will be stopped.
  await using scene = await Scene.of({ one: {}, two: { takenOverAt: 2 } });
  await assert.rejects(scene.replace(), { code: "restore.taken-over" });
  assert.deepEqual(scene.steps, ["one: put away", "two: put away"]);
  assert.equal(scene.app.state, "running");
  assert.deepEqual(scene.records, []);
});

test("whatever fails, a set is old, or new, or left to a recovery as a whole", async () => {
  const failure = fc.constantFrom<Failure | undefined>(undefined, "fails", "undecided");
  const flaws = fc.record({
    swap: failure,
    swapBack: fc.oneof(failure, fc.constant("stays" as const)),
    keepReplaced: fc.constantFrom(undefined, "cannot" as const),
    takenOverAt: fc.option(fc.integer({ min: 1, max: 8 }), { nil: undefined }),
  });
  const sets = fc.array(flaws, { minLength: 1, maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(sets, fc.boolean(), async (some, isWell) => {
      const named = Object.fromEntries(some.map((one, i) => [`volume${i}`, one]));
      await using scene = await Scene.of(named, isWell);
      await scene.replace().catch(() => {});
      const places = new Set(scene.members.map(({ inPlace }) => inPlace));
      const isLeft = scene.abandoned.every((isAbandoned) => isAbandoned);
      if (scene.app.state === "running") assert.ok(isLeft || !places.has("between"));
      if (scene.app.state === "running" && scene.members.length > 1) assert.equal(places.size, 1);
      if (scene.app.state !== "running") {
        // One more when it was stopped again.
        const records = new Set(scene.records);
        assert.deepEqual(
          records,
          new Set([`dockform-stopped-containers-volume${some.length - 1}`]),
        );
      }
    }),
  );
});
