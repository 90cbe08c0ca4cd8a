/** `dockform snapshot ...` without any engine: nothing listens where DOCKER_HOST points. */
import assert from "node:assert/strict";
import { readdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { needProgram } from "../../oracle/host.ts";
import { assertError } from "../archives.ts";
import { store } from "../snapshot-store.ts";
import { onTerminal } from "../terminal.ts";
import { done, place, source } from "../snapshot-place.ts";

const skip = process.getuid?.() !== 0 && "owners, attributes and devices need root";

test("remove takes data and sidecar, when it is confirmed and named", async () => {
  await using at = await place();
  const from = await source(at.sandbox, { file: "text" });
  const data = join(at.root, "data");
  for (const day of [21, 22]) await store(from, data, { time: `2026-11-${day}T02:15:40` });
  assertError(await at.run("remove", "data", "--json"), {
    exitCode: 2,
    message: /does not say which/,
    hint: /data@latest/,
  });
  assertError(await at.run("remove", "data@latest", "--json"), {
    exitCode: 3,
    message: /no terminal/,
    hint: /--skip-confirmation/,
  });
  const under = await onTerminal({ question: "Type yes to remove:", keys: "no\n" });
  const declined = await at.sandbox.dockform(["snapshot", "remove", "data@latest"], { under });
  assert.equal(declined.code, 3);
  assert.equal((await readdir(data)).length, 4);
  done(await at.run("remove", "data@latest", "--skip-confirmation"));
  assert.deepEqual(
    (await readdir(data)).map((name) => name.slice(0, 10)),
    ["2026-11-21", "2026-11-21"],
  );
  const last = await at.run("rm", "data@latest", "--skip-confirmation");
  assert.match(last.stderr, /volume data will then have no snapshot/);
  assert.deepEqual(await readdir(data), []);
});

test(
  "a removal that is cut short at any moment leaves nothing that looks like a snapshot",
  { skip },
  async () => {
    await using at = await place();
    const from = await source(at.sandbox, { file: "text" });
    const data = join(at.root, "data");
    const strace = await needProgram("/usr/bin/strace", "strace");
    const seen = new Set<string>();
    for (let call = 1; !seen.has(""); call += 1) {
      await store(from, data, { time: "2026-11-22T02:15:40" });
      const calls = "unlink,fsync";
      const under = [strace, "-fqqo", "/dev/null", "-e", `trace=${calls}`];
      under.push("-e", `inject=${calls}:signal=KILL:when=${call}`);
      const args = ["snapshot", "remove", "data@latest", "--skip-confirmation"];
      // strace counts the calls of each thread apart.
      await at.sandbox.dockform(args, { under, env: { UV_THREADPOOL_SIZE: "1" } });
      const left = await readdir(data);
      const extensions = left.map((name) => name.replace(/^[^.]*/, ""));
      seen.add(extensions.toSorted().join(" "));
      const listed = done(await at.run("list", "--json")).match(/"archive":/g)?.length ?? 0;
      assert.equal(listed, extensions.length === 2 ? 1 : 0);
      for (const name of left) await rm(join(data, name));
    }
    assert.deepEqual([...seen].toSorted(), ["", ".json .tar.zst", ".tar.zst"]);
  },
);

test("prune is a dry run that names each snapshot and its rule, until it is told to delete", async () => {
  await using at = await place();
  const from = await source(at.sandbox, { file: "text" });
  const data = join(at.root, "data");
  const hours = ["20T02", "20T14", "21T02", "22T02", "22T14"];
  for (const hour of hours) await store(from, data, { time: `2026-11-${hour}:15:40` });
  await writeFile(join(data, ".2026-11-26T02-15-40Z__spec-00000000.data.partial"), "");
  done(await at.run("verify", "data@2026-11-20T02"));
  const dry = done(await at.run("prune", "data", "--keep-daily", "2"));
  assert.deepEqual(
    dry
      .split("\n")
      .slice(1, 6)
      .map((line) =>
        line
          .trim()
          .replaceAll(/ +\d+ B +/g, " ")
          .replaceAll(/ {2,}/g, " "),
      ),
    [
      "keep 2026-11-22T14:15:40Z daily",
      "remove 2026-11-22T02:15:40Z -",
      "keep 2026-11-21T02:15:40Z daily",
      "remove 2026-11-20T14:15:40Z -",
      "keep 2026-11-20T02:15:40Z the last verified one",
    ],
  );
  assert.match(dry, /^Dry run: 2 of 5 snapshots, \d+ B, would be removed\. Add --delete/m);
  assert.equal((await readdir(data)).length, 11);
  const deleted = done(
    await at.run("prune", "data", "--keep-daily", "2", "--delete", "--even-last-verified"),
  );
  assert.match(deleted, /^Removed 3 of 5 snapshots/m);
  const left = new Set((await readdir(data)).map((name) => name.slice(0, 13)));
  assert.deepEqual([...left].toSorted(), [".2026-11-26T0", "2026-11-21T02", "2026-11-22T14"]);
});

test("a damaged snapshot takes no place of a good one, and prune without rules is refused", async () => {
  await using at = await place();
  const from = await source(at.sandbox, { file: "text" });
  const data = join(at.root, "data");
  for (const day of [20, 21]) await store(from, data, { time: `2026-11-${day}T02:15:40` });
  const damaged = await store(from, data, {
    time: "2026-11-22T02:15:40",
    sidecar: { stored_bytes: 1 },
  });
  assertError(await at.run("prune", "--delete", "--json"), {
    exitCode: 2,
    message: /which snapshots to keep/,
    hint: /--keep-daily/,
  });
  done(await at.run("prune", "--keep-last", "1", "--delete"));
  const left = (await readdir(data)).map((name) => name.slice(0, 10));
  assert.deepEqual([...new Set(left)].toSorted(), ["2026-11-21", "2026-11-22"]);
  assert.ok((await stat(damaged)).size > 1);
});

test("the manifest's policy holds where the command line has none", async () => {
  await using at = await place();
  const from = await source(at.sandbox, { file: "text" });
  for (const volume of ["data", "other"]) {
    for (const day of [20, 21, 22])
      await store(from, join(at.root, volume), { time: `2026-11-${day}T02:15:40` });
  }
  await at.sandbox.manifest({ volumes: { data: { snapshot: { keep: { last: 1 } } }, other: {} } });
  const text = done(await at.run("prune", "--delete"));
  assert.match(text, /^other: no rules, so all are kept$/m);
  assert.equal((await readdir(join(at.root, "data"))).length, 2);
  assert.equal((await readdir(join(at.root, "other"))).length, 6);
});
