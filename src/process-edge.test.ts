import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { clientName, runsHere } from "./process-edge.ts";

test("a client is known to run only where its process does, on this machine", () => {
  const own = clientName();
  assert.equal(runsHere(own), true);
  assert.equal(runsHere(own.replace("@", "@other")), false);
  const { pid } = spawnSync("true");
  assert.equal(runsHere(own.replace(/\d+$/, String(pid))), false);
  assert.equal(runsHere("an unknown client"), false);
});
