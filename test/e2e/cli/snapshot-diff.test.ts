/** `dockform snapshot ...` without any engine: nothing listens where DOCKER_HOST points. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { run } from "../../oracle/host.ts";
import { assertError } from "../archives.ts";
import { store } from "../snapshot-store.ts";
import { done, place, source } from "../snapshot-place.ts";

test("diff tells what was added, removed and changed, also with GNU tar's own archive", async () => {
  await using at = await place();
  const from = await source(at.sandbox, { same: "same", changed: "old", gone: "gone" });
  const data = join(at.root, "data");
  await store(from, data, { time: "2026-11-22T02:15:40" });
  await run(
    "sh",
    [
      "-euc",
      "rm gone; echo new >added; printf new >changed; touch -r same changed; mkdir .dockform-kept; touch -r same .",
    ],
    { cwd: from },
  );
  await store(from, data, { time: "2026-11-23T02:15:40" });
  const text = done(await at.run("diff", "data@latest~1", "latest"));
  assert.match(text, /^\+ added$/m);
  assert.match(text, /^- gone$/m);
  assert.match(text, /^~ changed {2}content/m);
  assert.doesNotMatch(text, /same|dockform-kept/);
  const plain = at.sandbox.path("plain.tar");
  await run("tar", ["-C", from, "--format=posix", "--sort=name", "-cf", plain, "."]);
  assert.equal(done(await at.run("diff", "data@latest", plain)), "There is no difference.\n");
  assertError(await at.run("diff", plain, "live", "--json"), {
    exitCode: 2,
    message: /which volume/,
    hint: /live/,
  });
});
