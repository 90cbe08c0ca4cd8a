import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClient } from "../../test/fakes/client.ts";
import { FakeEngine } from "../../test/fakes/engine.ts";
import type { RequestOptions } from "../engine/client.ts";
import { listContainers, removeContainer, type ContainerSummary } from "../engine/containers.ts";
import { inspectVolume } from "../engine/volumes.ts";
import { HELPER_LABEL } from "../journal/operation.ts";
import { listSurely, withSureStates } from "./list-surely.ts";

const { signal } = new AbortController();

/** Whose list is behind: containers that have ended run in it. */
class BehindClient extends FakeClient {
  override async json(
    method: string,
    path: string,
    options: RequestOptions = {},
  ): Promise<unknown> {
    const answer = await super.json(method, path, options);
    if (path !== "/containers/json" || !Array.isArray(answer)) return answer;
    return answer.map((each: object) => ({ ...each, State: "running", Status: "Up 1 second" }));
  }
}

async function scene(): Promise<{ engine: FakeEngine; client: BehindClient }> {
  const engine = new FakeEngine();
  engine.createVolume("data");
  const HostConfig = { Mounts: [{ Type: "volume", Source: "data", Target: "/data" }] };
  const made = [
    engine.createContainer("user", { Image: "app:1", HostConfig }),
    engine.createContainer("helper", { Image: "app:1", Labels: { [HELPER_LABEL]: "restore" } }),
    engine.createContainer("other", { Image: "app:1" }),
  ];
  for (const { id } of made) {
    engine.startContainer(id);
    await engine.stopContainer(id);
  }
  return { engine, client: new BehindClient(engine) };
}

test("what is decided by is asked for where a list is behind, and nothing else", async () => {
  const { client } = await scene();
  const volume = await inspectVolume(client, "data");
  assert.ok(volume);
  const listed = await listContainers(client);
  const sure = await withSureStates(client, listed, [volume], signal);
  const told = (found: readonly ContainerSummary[]): Readonly<Record<string, unknown>> =>
    Object.fromEntries(found.map(({ name, state, exitCode }) => [name, [state, exitCode]]));
  const helper = ["exited", 137];
  const other = ["running", undefined];
  assert.deepEqual(told(sure), { helper, other, user: ["exited", 137] });
  assert.deepEqual(told(await listSurely(client, signal)), { helper, other, user: other });
});

test("one that is gone since is left out", async () => {
  const { client } = await scene();
  const listed = await listContainers(client);
  const helper = listed.find(({ name }) => name === "helper");
  assert.ok(helper);
  await removeContainer(client, helper.id);
  const left = await withSureStates(client, listed, [], signal);
  assert.deepEqual(left.map(({ name }) => name).toSorted(), ["other", "user"]);
});
