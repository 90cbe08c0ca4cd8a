import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeSite } from "../../test/fakes/workspace.ts";

const FAR = { identifier: "far", contexts: { far: { host: "tcp://far.example:2375" } } };

test("a connection that is not secure is refused, and where it is allowed it is said", async () => {
  await using site = await FakeSite.create(FAR, {});
  using careful = await site.open();
  await assert.rejects(careful.contexts(), { code: "context.insecure" });
  assert.deepEqual(site.tools.log.warnings, []);
  site.insecure = true;
  using careless = await site.open();
  await careless.contexts();
  assert.match(site.tools.log.warnings.join("\n"), /tcp:\/\/far\.example:2375 is not encrypted/);
});
