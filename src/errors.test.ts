import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { DockformError, systemCode } from "./errors.ts";

test("the system's code is that of a system call, not the code of an error of this program", async () => {
  const missing: unknown = await readFile("/no/such/file").catch((error: unknown) => error);
  assert.equal(systemCode(missing), "ENOENT");
  assert.equal(
    systemCode(new DockformError("manifest.invalid", "x", { cause: missing })),
    undefined,
  );
  assert.equal(systemCode("ENOENT"), undefined);
});
