import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import { Rootfs } from "./rootfs.ts";

test("what takes the place of a link leaves the file that it leads to alone", async () => {
  const folder = await mkdtemp(join(tmpdir(), "dockform-rootfs-"));
  const [mine, theirs] = [join(folder, "mine"), join(folder, "theirs")];
  await writeFile(mine, "mine");
  await writeFile(theirs, "theirs");
  const root = new Rootfs(join(folder, "root"));
  await root.link("/bin/copied", theirs);
  await root.link("/bin/written", theirs);
  await root.copy(mine, "/bin/copied");
  await root.write("/bin/written", "mine");
  assert.equal(await readFile(theirs, "utf8"), "theirs");
  for (const name of ["copied", "written"]) {
    assert.equal(await readFile(join(root.folder, "bin", name), "utf8"), "mine");
  }
  await rm(folder, { recursive: true });
});
