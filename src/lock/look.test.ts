import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClient } from "../../test/fakes/client.ts";
import { FakeEngine } from "../../test/fakes/engine.ts";
import { fakeTools } from "../../test/fakes/surroundings.ts";
import { inFastTime } from "../../test/fakes/time.ts";
import { listContainers } from "../engine/containers.ts";
import { readJournal, recordLabels, type FoundRecord } from "../journal/operation.ts";
import { isInVolume, type Looking } from "./look.ts";

interface Scene {
  readonly engine: FakeEngine;
  readonly client: FakeClient;
  readonly tools: ReturnType<typeof fakeTools>;
  readonly interruption: AbortController;
  readonly look: (path: string) => Promise<boolean>;
}

/** An engine with a volume, and a record of something in it. */
async function scene(): Promise<Scene> {
  const engine = new FakeEngine();
  const client = new FakeClient(engine);
  const interruption = new AbortController();
  const tools = fakeTools("somebody", interruption.signal);
  engine.createVolume("data").files.set("kept/file", "");
  engine.createContainer("word", {
    Image: "helper:1",
    Labels: recordLabels("kept-contents", "data", ""),
  });
  const containers = await listContainers(new FakeClient(engine));
  const [record] = readJournal(containers).records;
  assert.ok(record);
  const looking = { engine: client, containers, tools };
  return { engine, client, tools, interruption, look: (path) => isInVolume(looking, record, path) };
}

function names(engine: FakeEngine): readonly string[] {
  return [...engine.containers.values()].map(({ name }) => name);
}

test("what is in the volume is found, through a container that is gone again", async () => {
  const { engine, client, tools, look } = await scene();
  assert.equal(await look("kept"), true);
  assert.equal(await look("kept/file"), true);
  assert.equal(await look("kep"), false);
  assert.deepEqual(names(engine), ["word"]);
  assert.ok(!client.calls.some((call) => call.endsWith("/start")), "it is never started");
  assert.deepEqual(tools.log.warnings, []);
});

test("the container sees the volume read-only, and says what it is for", async () => {
  const { client, engine, look } = await scene();
  let seen: unknown;
  client.gate = (call, moment) => {
    if (moment !== "asking" || !call.startsWith("HEAD")) return;
    const [, container] = engine.ours;
    const [mount] = container?.mounts ?? [];
    const [operation] = readJournal([
      {
        id: "",
        name: "",
        state: "created",
        exitCode: 0,
        labels: container?.definition.Labels ?? {},
      },
    ]).operations;
    seen = [mount?.Source, mount?.ReadOnly, operation?.operation.name, operation?.operation.volume];
  };
  await look("kept");
  assert.deepEqual(seen, ["data", true, "look", "data"]);
});

test("a record whose container is gone, or whose volume, tells of nothing", async () => {
  const { engine, client, tools, look } = await scene();
  engine.volumes.delete("data");
  assert.equal(await look("kept"), false);
  assert.deepEqual([...engine.volumes.keys()], [], "and none is made");
  const looking: Looking = { engine: client, containers: [], tools };
  const record: FoundRecord = {
    containerId: "gone",
    containerName: "gone",
    state: "created",
    name: "kept-contents",
    volume: "data",
    text: "",
  };
  client.calls.length = 0;
  assert.equal(await isInVolume(looking, record, "kept"), false);
  assert.deepEqual(client.calls, []);
});

test("where it cannot be found out the record counts, and that is said", async () => {
  const { client, engine, tools, look } = await scene();
  client.failNext(/^HEAD/, 500);
  assert.equal(await look("no/such"), true);
  assert.match(
    tools.log.warnings.join(),
    /whether volume "data" still holds no\/such,.*told to fail/,
  );
  client.failNext(/^POST .containers.create/, 500);
  assert.equal(await look("no/such"), true);
  assert.deepEqual(names(engine), ["word"]);
});

test("a container that cannot be removed is left to a later command", async () => {
  const { client, tools, look } = await scene();
  client.failNext(/^DELETE/, 403);
  assert.equal(await look("kept"), true);
  assert.match(tools.log.lines.at(-1)?.text ?? "", /^dockform-look-data-.* is left for a later/);
  assert.deepEqual(tools.log.warnings, []);
});

test("a server that does not answer keeps nobody, and neither does the engine that waits for it", async (t) => {
  const { client, interruption, tools, look } = await scene();
  client.gate = (call) => {
    if (/^(HEAD|DELETE)/.test(call)) return new Promise(() => {});
    return undefined;
  };
  const timeout = t.mock.method(AbortSignal, "timeout", (ms: number) => {
    const limit = new AbortController();
    // At once, for those that are hit.
    if (ms <= 10_000) setImmediate(() => limit.abort(new Error(`${ms} ms are over`)));
    return limit.signal;
  });
  assert.equal(await look("kept"), true);
  assert.match(tools.log.warnings.join(), /10000 ms are over/);
  assert.match(tools.log.lines.map(({ text }) => text).join(), /later command.*2000 ms are over/);
  timeout.mock.restore();
  const looking = inFastTime(t, () => look("kept"));
  interruption.abort(new Error("enough"));
  await assert.rejects(looking, /enough/);
});
