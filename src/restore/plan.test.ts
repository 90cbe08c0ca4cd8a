import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClient } from "../../test/fakes/client.ts";
import { contentsOf, FakeDisk } from "../../test/fakes/contents.ts";
import { House } from "../../test/fakes/house.ts";
import { fakeTarget } from "../../test/fakes/surroundings.ts";
import { planReplacement, type ReplacementPlan } from "./plan.ts";
import { prepareReplacements } from "./prepare.ts";
import { replaceTogether } from "./replace.ts";
import type { VolumeRestore } from "./request.ts";
import { SnapshotContents } from "./snapshot-contents.ts";

const WORKLOAD = { stopContainers: true, healthTimeoutMs: 0 };
const SECOND = "/memory/second.tar";

/** A house with one more volume, and an archive for it. */
class Two {
  readonly house: House;

  private constructor(house: House) {
    this.house = house;
  }

  static async build(): Promise<Two> {
    const house = await House.build();
    house.engine.createVolume("more");
    house.contents.disks.set("more", new FakeDisk(house.oldContents));
    house.store.loose.set(SECOND, house.newContents);
    return new Two(house);
  }

  /** Not in the order of the names. */
  requests(
    more: Partial<VolumeRestore> = {},
    client = new FakeClient(this.house.engine),
  ): readonly [VolumeRestore, VolumeRestore] {
    const { house } = this;
    const target = { ...fakeTarget(client, "more"), store: house.store };
    const second = { ...house.request({}, client), target, archivePath: SECOND, ...more };
    return [second, house.request({}, client)];
  }

  plan(requests: readonly VolumeRestore[] = this.requests()): Promise<ReplacementPlan> {
    const wanted = requests.map((request) => ({
      request,
      contents: new SnapshotContents(request),
    }));
    return planReplacement(wanted, WORKLOAD, this.house.tools);
  }

  /** Which volumes have new contents, and where something of ours is left. */
  state(): { readonly isNew: readonly string[]; readonly left: readonly string[] } {
    const { house } = this;
    const disks = [...house.contents.disks];
    const isNew = disks.filter(([, { contents }]) => contents.equals(house.newContents));
    const unfinished = disks.filter(([, { stagings }]) => [...stagings].length > 0);
    const names = (some: typeof disks): string[] => some.map(([name]) => name);
    return { isNew: names(isNew), left: [...house.left(), ...names(unfinished)] };
  }
}

const UNTOUCHED = { isNew: [], left: [] };

test("a plan of several volumes holds them all until it is let go, and touches none", async () => {
  const two = await Two.build();
  {
    await using plan = await two.plan();
    assert.deepEqual(
      plan.replacements.map(({ request }) => request.target.volume),
      ["data", "more"],
    );
    const { isNew, left } = two.state();
    assert.deepEqual(isNew, []);
    assert.deepEqual(left, ["dockform-restore-data", "dockform-restore-more"]);
    await assert.rejects(two.plan(), { code: "volume.busy" });
  }
  assert.deepEqual(two.state(), UNTOUCHED);
});

test("what is refused of one volume is refused of all, and lets go of the others", async () => {
  const two = await Two.build();
  await assert.rejects(two.plan(two.requests({ force: false })), { code: "volume.not-empty" });
  assert.deepEqual(two.state(), UNTOUCHED);
});

test("of two clients that want the same volumes at the same moment one gets them all", async () => {
  const two = await Two.build();
  const [more, data] = two.requests();
  const plans = await Promise.allSettled([two.plan([more, data]), two.plan([data, more])]);
  const made = plans.flatMap((plan) => (plan.status === "fulfilled" ? [plan.value] : []));
  assert.equal(made.length, 1);
  assert.deepEqual(two.state().left, ["dockform-restore-data", "dockform-restore-more"]);
  for (const plan of made) await plan[Symbol.asyncDispose]();
  assert.deepEqual(two.state(), UNTOUCHED);
});

test("where one of several cannot be made ready, nothing is left of the others", async () => {
  const two = await Two.build();
  two.house.contents.instead.set("extract", (call, real) =>
    call.volume === "more" ? { status: 1, messages: ["tar: no space left"] } : real(call),
  );
  {
    await using plan = await two.plan();
    const { tools } = two.house;
    await assert.rejects(prepareReplacements(plan, tools), { code: "restore.extract-failed" });
  }
  assert.deepEqual(two.state(), UNTOUCHED);
});

test("a volume that does not exist is created together with what is done to others", async () => {
  const two = await Two.build();
  const [more, data] = two.requests({ create: true });
  two.house.engine.removeVolume("more");
  two.house.contents.disks.set("more", new FakeDisk(await contentsOf("")));
  await using plan = await two.plan([more, data]);
  assert.deepEqual(
    plan.replacements.map(({ into }) => "shape" in into),
    [false, true],
  );
  {
    await using prepared = await prepareReplacements(plan, two.house.tools);
    assert.ok(two.house.engine.volumes.has("more"));
    // Let go before anything was replaced.
    for (const { replacement } of prepared.replacements) await replacement.putAway();
  }
  assert.deepEqual([...two.house.engine.volumes.keys()], ["data"]);
  {
    await using prepared = await prepareReplacements(plan, two.house.tools);
    const replacements = prepared.replacements.map(({ replacement }) => replacement);
    await replaceTogether(replacements, WORKLOAD, two.house.tools);
    prepared.keepCreated();
  }
  assert.deepEqual(two.state().isNew, ["data", "more"]);
  assert.ok(two.house.engine.volumes.has("more"));
  assert.doesNotMatch(two.house.tools.log.warnings.join(), /was created for this restore/);
});
