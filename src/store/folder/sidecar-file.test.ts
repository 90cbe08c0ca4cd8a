import assert from "node:assert/strict";
import { mkdtemp, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { formatSidecar } from "../../snapshot/sidecar.ts";
import { sampleSidecar } from "../../../test/contract/sidecar.ts";
import { amendSidecarFile, readSidecarFile } from "./sidecar-file.ts";

const MEBI = 1 << 20;

test("a sidecar of 32 MiB is read, and a larger one is refused by its length alone", async () => {
  const folder = await mkdtemp(join(tmpdir(), "dockform-sidecar-"));
  try {
    const path = join(folder, "X.json");
    const text = formatSidecar(sampleSidecar({ notes: "noted" }));
    await writeFile(path, text.padEnd(32 * MEBI));
    assert.equal(readSidecarFile(path).sidecar.notes, "noted");
    // As large as no memory is, and nothing on the disk.
    for (const bytes of [32 * MEBI + 1, 2 ** 40]) {
      await truncate(path, bytes);
      const refusal = { code: "sidecar.invalid", message: /it is larger than 33\.6 MB$/ };
      assert.throws(() => readSidecarFile(path), refusal);
      await assert.rejects(amendSidecarFile(path, { notes: "other" }), refusal);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});
