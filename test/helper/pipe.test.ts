/** The helper's script beside a client that has died: it runs here, without an engine. */
import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { attempt, run } from "../oracle/host.ts";

const HELPER = new URL("../../src/helper/helper.sh", import.meta.url);
const VERBS = [
  ["archive", "PIPE", "none"],
  ["fingerprint", "PIPE"],
  ["scan", "PIPE", "none", "1000"],
  ["extract", "0123456789ab", "PIPE", "none", "1000"],
] as const;

const isRoot = process.platform === "linux" && process.getuid?.() === 0;
const skip = !isRoot && "extended attributes of every kind take root";

for (const verb of VERBS) {
  test(`${verb[0]} does not wait for the other end of the pipe`, { skip }, async () => {
    const place = await mkdtemp(join(tmpdir(), "dockform-pipe-"));
    try {
      for (const folder of ["volume", "scratch"]) await mkdir(join(place, folder));
      await writeFile(join(place, "volume", "file"), "text");
      const script = join(place, "helper.sh");
      const source = await readFile(HELPER, "utf8");
      await writeFile(script, source.replaceAll(/^(volume|scratch)=/gm, `$&${place}`));
      const pipe = join(place, "pipe");
      await run("mkfifo", [pipe]);
      const args = verb.map((word) => (word === "PIPE" ? pipe : word));
      const { stderr } = await attempt("timeout", ["--signal=KILL", "30", "sh", script, ...args], {
        env: { DOCKFORM_MARK: "=mark=" },
      });
      assert.match(stderr, /^=mark= ready$/m);
    } finally {
      await rm(place, { recursive: true });
    }
  });
}
