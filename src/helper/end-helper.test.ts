import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClient } from "../../test/fakes/client.ts";
import { FakeEngine } from "../../test/fakes/engine.ts";
import { DockformError } from "../errors.ts";
import { endHelper } from "./session.ts";

test("a helper that ended while the way to the engine was cut is not killed, and has ended", async () => {
  const engine = new FakeEngine();
  const { id } = engine.createContainer("helper", { Image: "helper:1" });
  const client = new FakeClient(engine);
  client.failNext(/\/wait$/, new DockformError("ssh.broken", "the ssh connection broke"));
  client.failNext(/\/kill$/, 409);
  engine.startContainer(id);
  await engine.killContainer(id);
  await assert.doesNotReject(endHelper(client, id, AbortSignal.timeout(5000)));
});
