/** What the engine keeps of a volume beyond an operation: what was set aside, what is left over. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClient } from "../../test/fakes/client.ts";
import { FakeEngine } from "../../test/fakes/engine.ts";
import { runsHelpers } from "../../test/fakes/helper.ts";
import { lockVolume } from "../../test/fakes/locked.ts";
import { fakeTarget, fakeTools } from "../../test/fakes/surroundings.ts";
import { listContainers } from "../engine/containers.ts";
import { inspectVolume, type EngineVolume } from "../engine/volumes.ts";
import type { HelperReply } from "../helper/reply.ts";
import { operationLabels, readJournal, recordLabels, type Journal } from "../journal/operation.ts";
import { asideAdvice, asideText, findAside, recordAside, tellOfAside } from "./aside.ts";
import { findLeftovers, forgetLeftovers, leftoverHint, recordLeftovers } from "./leftover.ts";
import { removeVolumeForGood } from "./remove.ts";
import { leftoversIn } from "../helper/outcomes.ts";
import { asideFolder } from "../snapshot/reserved.ts";
import { existingVolume } from "./target.ts";

const ID = "0123456789ab";
const FILE = `${asideFolder(ID)}/3/file`;
const OTHER = `${asideFolder("ba9876543210")}/1/other`;

function engineWith(...volumes: readonly string[]): FakeEngine {
  const engine = new FakeEngine(runsHelpers({ verbs: {}, finish: () => 0 }));
  for (const volume of volumes) engine.createVolume(volume);
  return engine;
}

async function journalOf(engine: FakeEngine): Promise<Journal> {
  return readJournal(await listContainers(new FakeClient(engine)));
}

async function texts(engine: FakeEngine): Promise<readonly string[]> {
  return (await journalOf(engine)).records.map(({ text }) => text);
}

async function volumesOf(engine: FakeEngine): Promise<readonly EngineVolume[]> {
  const names = [...engine.volumes.keys()];
  const found = await Promise.all(names.map((name) => inspectVolume(new FakeClient(engine), name)));
  return found.filter((volume) => volume !== undefined);
}

async function lookingAt(engine: FakeEngine) {
  const client = new FakeClient(engine);
  return { engine: client, containers: await listContainers(client), tools: fakeTools() };
}

test("what is set aside is recorded once, and of another volume as well", async () => {
  const engine = engineWith("data", "other");
  await using lock = await lockVolume(engine, "data");
  await using other = await lockVolume(engine, "other");
  await recordAside(lock, FILE);
  await recordAside(lock, FILE);
  await lock.record("leftover", OTHER);
  await recordAside(lock, OTHER);
  await recordAside(other, FILE);
  assert.deepEqual((await texts(engine)).toSorted(), [FILE, FILE, OTHER, OTHER].toSorted());
});

test("the engine tells what the volume holds, and nothing else", async () => {
  const engine = engineWith("data");
  await using lock = await lockVolume(engine, "data");
  await recordAside(lock, FILE);
  await lock.record("kept-contents", "{}");
  await tellOfAside(lock, await journalOf(engine), [OTHER]);
  assert.deepEqual(await texts(engine), ["{}", OTHER]);
  await tellOfAside(lock, await journalOf(engine), [OTHER]);
  assert.deepEqual(await texts(engine), ["{}", OTHER]);
  await tellOfAside(lock, await journalOf(engine), []);
  assert.deepEqual(await texts(engine), ["{}"]);
});

test("what is set aside is found by its folder, in those volumes that are asked for", async () => {
  const engine = engineWith("data", "empty", "unasked");
  for (const name of engine.volumes.keys()) {
    await using lock = await lockVolume(engine, name);
    await recordAside(lock, FILE);
    await recordAside(lock, OTHER);
    await lock.record("kept-contents", FILE);
  }
  // Its owner has removed the file, and not the folder that it was in.
  engine.volume("data").files.set(`${asideFolder(ID)}/3/more`, "");
  engine.volume("data").files.set(OTHER, "");
  engine.volume("unasked").files.set(OTHER, "");
  engine.volume("empty").files.set(OTHER, "");
  const asked = (await volumesOf(engine)).filter(({ name }) => name !== "unasked");
  const found = await findAside(await lookingAt(engine), asked);
  assert.deepEqual(
    [...found],
    [
      ["data", [FILE, OTHER]],
      ["empty", [OTHER]],
    ],
  );
});

test("messages name the file, its folder and the volume", () => {
  assert.match(asideText("data", FILE), /"data" .*\(file\).*\.dockform-aside-0123456789ab\/3$/);
  assert.match(asideAdvice("data"), /volume "data"/);
});

function reply(facts: Readonly<Record<string, string>>, ...messages: string[]): HelperReply {
  return { status: 3, facts: new Map(Object.entries(facts)), messages, groups: [] };
}

test("what a helper could not remove is told by its folder, with the cause and what is in it", () => {
  assert.deepEqual(leftoversIn(reply({ put_away: "" }, "some message")), []);
  const trash = `.dockform-trash-${ID}`;
  const found = leftoversIn(
    reply(
      {
        [`left_${ID}`]: "",
        subvolume_1: `${trash}/a`,
        subvolume_2: `${trash}0/b`,
        subvolume_x: `${trash}/c`,
        "not-left_1": "",
      },
      "first",
      "rm: Operation not permitted",
    ),
  );
  const cause = "rm: Operation not permitted";
  assert.deepEqual(found, [{ folder: trash, cause, subvolumes: [`${trash}/a`] }]);
  assert.equal(leftoversIn(reply({ [`left_${ID}`]: "" }))[0]?.cause, "status 3");
});

test("what is left over is recorded, found while it is there, and forgotten", async () => {
  const engine = engineWith("data", "gone");
  const leftover = { folder: ".dockform-trash-1", cause: "c", subvolumes: [] };
  const removed = { ...leftover, folder: ".dockform-trash-2" };
  {
    await using lock = await lockVolume(engine, "data");
    await recordLeftovers(lock, [leftover, removed]);
    await lock.record("kept-contents", "{}");
  }
  {
    await using lock = await lockVolume(engine, "gone");
    await recordLeftovers(lock, [leftover]);
  }
  engine.volumes.delete("gone");
  engine.volume("data").files.set(".dockform-trash-1/file", "");
  const volumes = await volumesOf(engine);
  const found = await findLeftovers(await lookingAt(engine), volumes);
  assert.deepEqual(found, [{ volume: volumes[0], leftover }]);
  await using lock = await lockVolume(engine, "data");
  await forgetLeftovers(lock, readJournal(await listContainers(lock.target.engine), "data"));
  assert.deepEqual(await texts(engine), ["{}", JSON.stringify(leftover)]);
});

test("the advice for what is left over is made of commands that can be copied", async () => {
  const [volume] = await volumesOf(engineWith("data"));
  assert.ok(volume);
  const hint = (cause: string, ...subvolumes: readonly string[]): string =>
    leftoverHint(volume, { folder: "trash it", cause, subvolumes });
  assert.equal(
    hint("rm: Operation not permitted"),
    `On the engine's host, while a container that uses the volume runs: chattr -R -i -a '/volumes/data/_data/trash it'`,
  );
  assert.match(
    hint("anything", "a", "b"),
    /btrfs property .*_data\/a ro false && btrfs .*_data\/b/,
  );
  assert.equal(
    hint("Device busy"),
    `Find out what keeps '/volumes/data/_data/trash it' on the engine's host from being removed`,
  );
});

test("a volume is removed for good with what the engine knows of it, and nothing of another one", async () => {
  const engine = engineWith("data", "other");
  const { signal } = new AbortController();
  for (const volume of ["data", "other"]) {
    engine.createContainer(`word-${volume}`, {
      Image: "helper:1",
      Labels: recordLabels("kept-contents", volume, "{}"),
    });
    const helper = engine.createContainer(`helper-${volume}`, {
      Image: "helper:1",
      Labels: operationLabels({
        name: "restore",
        volume,
        client: "another",
        startedAt: "then",
        staging: undefined,
      }),
    });
    helper.state = "exited";
  }
  await removeVolumeForGood(fakeTarget(new FakeClient(engine), "data"), signal);
  assert.deepEqual([...engine.volumes.keys()], ["other"]);
  assert.deepEqual(
    engine.ours.map(({ name }) => name),
    ["word-other", "helper-other"],
  );
});

test("a volume on which somebody works, or something was cut short, is not removed", async () => {
  const { signal } = new AbortController();
  for (const [state, exitCode, message] of [
    ["running", 0, /another client is working on volume "data"/],
    ["created", 0, /another client is working on volume "data"/],
    ["exited", 3, /"data" was interrupted/],
  ] as const) {
    const engine = engineWith("data");
    const helper = engine.createContainer("helper", {
      Image: "helper:1",
      Labels: operationLabels({
        name: "snapshot",
        volume: "data",
        client: "another",
        startedAt: "then",
        staging: undefined,
        ...(state === "exited" ? { name: "undo" } : {}),
      }),
    });
    helper.state = state;
    helper.exitCode = exitCode;
    const target = fakeTarget(new FakeClient(engine), "data");
    await assert.rejects(removeVolumeForGood(target, signal), { kind: "refused", message });
    assert.deepEqual([...engine.volumes.keys()], ["data"]);
    assert.equal(engine.ours.length, 1);
  }
});

test("a volume that is missing is named, with its context", async () => {
  const engine = engineWith("data");
  const { signal } = new AbortController();
  const advice = [{ code: "apply" }] as const;
  const find = (name: string) =>
    existingVolume(fakeTarget(new FakeClient(engine), name), signal, {
      code: "restore.no-volume",
      advice,
    });
  assert.equal((await find("data")).name, "data");
  await assert.rejects(find("no-such"), {
    message: 'volume "no-such" not found in Docker context "default"',
    code: "restore.no-volume",
    advice,
    data: { volume: "no-such", context: "default" },
  });
  await assert.rejects(find("dta"), {
    message: 'volume "dta" not found in Docker context "default"; did you mean "data"?',
  });
});
