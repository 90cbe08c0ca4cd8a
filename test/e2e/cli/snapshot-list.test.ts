/** `dockform snapshot ...` without any engine: nothing listens where DOCKER_HOST points. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { assertError, sidecarOf } from "../archives.ts";
import { store } from "../snapshot-store.ts";
import { onSlowTerminal, onTerminal } from "../terminal.ts";
import { done, place, source } from "../snapshot-place.ts";

// --- list ---

test("list shows snapshots by volume, the newest first, and apart from them what is none", async () => {
  await using at = await place();
  const from = await source(at.sandbox, { file: "text" });
  const data = join(at.root, "data");
  await store(from, data, { time: "2026-11-22T02:15:40", sidecar: { notes: "the\nfirst" } });
  await store(from, data, { time: "2026-11-23T02:15:40" });
  const other = await store(from, join(at.root, "backup", "db"), {
    time: "2026-11-23T02:15:40",
    format: "tar",
  });
  const orphan = await store(from, data, { time: "2026-11-24T02:15:40" });
  const dataless = await store(from, data, { time: "2026-11-25T02:15:40" });
  await rm(sidecarOf(orphan));
  await rm(dataless);
  await writeFile(join(data, ".2026-11-26T02-15-40Z__spec-00000000.data.partial"), "");
  await writeFile(sidecarOf(other), "{}");

  const text = done(await at.run("list"));
  const lines = text.split("\n").map((line) => line.replace(/^ +[\d\w]+ \w+ +/, "  AGE "));
  assert.match(lines[1] ?? "", /^backup\/db: 1 snapshot, /);
  assert.match(
    lines[2] ?? "",
    /^ {2}AGE 2026-11-23T02:15:40Z .* damaged: the sidecar .* is not valid/,
  );
  assert.match(lines[3] ?? "", /^data: 2 snapshots, /);
  assert.match(lines[4] ?? "", /^ {2}AGE 2026-11-23T02:15:40Z .* never$/);
  assert.match(lines[5] ?? "", /^ {2}AGE 2026-11-22T02:15:40Z .* never +the\\nfirst$/);
  assert.match(text, /^3 snapshots of 2 volumes, /m);
  const apart = text.slice(text.indexOf("These files are not snapshots:"));
  for (const part of ["2026-11-24T02-15-40Z", "2026-11-25T02-15-40Z", ".data.partial"]) {
    assert.ok(apart.includes(part), `${part} is not apart`);
    assert.equal(text.indexOf(part), text.lastIndexOf(part));
  }

  const json: {
    volumes: { volume: string; snapshots: unknown[]; leftovers: { kind: string }[] }[];
  } = JSON.parse(done(await at.run("list", "data", "--json")));
  assert.equal(json.volumes.length, 1);
  assert.equal(json.volumes[0]?.snapshots.length, 2);
  assert.deepEqual(json.volumes[0]?.leftovers.map(({ kind }) => kind).toSorted(), [
    "no data",
    "no sidecar",
    "unfinished",
  ]);
});

test("a table fits a terminal of 80 columns, and piped it is whole", async () => {
  await using at = await place();
  const from = await source(at.sandbox, { file: "text" });
  const notes =
    "a note that is much too long for a terminal of eighty columns, and so goes on below";
  await store(from, join(at.root, "data"), { time: "2026-11-22T02:15:40", sidecar: { notes } });
  assert.ok(done(await at.run("list")).includes(notes));
  const under = await onTerminal();
  const shown = await at.sandbox.dockform(["snapshot", "list", "--no-color"], { under });
  const lines = done(shown).split("\r\n");
  const [from0 = 0] = [lines[2]?.indexOf("a note")];
  const note = lines.slice(2, 6).map((line) => line.slice(from0));
  assert.equal(note.join(" ").trim(), notes);
  assert.ok(
    lines.every((line) => line.length <= 80),
    shown.stdout,
  );
});

test("on a terminal a result that comes in pieces and the bar do not get mixed up", async () => {
  await using at = await place();
  const from = await source(at.sandbox, { "file-1": randomBytes(40e6), "file-2": "the end" });
  await store(from, join(at.root, "data"), { time: "2026-11-22T02:15:40" });
  const under = await onSlowTerminal();
  for (const [command, last] of [
    [["cat", "data", "file-2"], "the end"],
    [["files", "data", "file-2"], " file-2\r\n"],
  ] as const) {
    const shown = await at.sandbox.dockform(["snapshot", ...command], { under });
    const parts = done(shown).split("\u001B[2K");
    assert.ok(parts.length > 1, "there was a bar");
    assert.ok(parts.at(-1)?.endsWith(last), shown.stdout);
    assert.doesNotMatch(parts.at(-1) ?? "", /Reading/);
  }
});

test("an empty store, and a volume without snapshots, are said with what there is", async () => {
  await using at = await place();
  assert.match(done(await at.run("list")), /^There are no snapshots in \.dockform\/snapshots\.$/m);
  const from = await source(at.sandbox, { file: "text" });
  await store(from, join(at.root, "data"), { time: "2026-11-22T02:15:40" });
  assertError(await at.run("list", "dta", "--json"), {
    exitCode: 2,
    message: "there is no snapshot of dta; did you mean data?",
    hint: "There are snapshots of data.",
  });
});

test("snapshots of one name in several contexts are told apart", async () => {
  await using at = await place();
  const from = await source(at.sandbox, { file: "text" });
  for (const context of ["first", "second"]) {
    await store(from, join(at.root, context, "data"), { time: "2026-11-22T02:15:40" });
  }
  assertError(await at.run("show", "data@latest", "--json"), {
    exitCode: 2,
    message: /several contexts/,
    hint: "Say which is meant: first/data, second/data.",
  });
  assert.match(done(await at.run("show", "second/data@latest")), /snapshots\/second\/data\/2026/);
  assert.match(
    done(await at.run("show", "data@latest", "--context", "first")),
    /snapshots\/first\/data\/2026/,
  );
});

// --- show ---

test("show tells all that the sidecar knows, what it does not understand too", async () => {
  await using at = await place();
  const from = await source(at.sandbox, { file: "text" });
  const sidecar = {
    notes: "before the upgrade",
    format_version: 1,
    warnings: ["file changed as we read it"],
    from_the_future: { a: 1 },
    containers: [
      { name: "web", image: "nginx", image_digest: "sha256:1", state: "running", read_write: true },
    ],
  };
  await store(from, join(at.root, "data"), { time: "2026-11-22T02:15:40", sidecar });
  const text = done(await at.run("show", "data"));
  for (const part of [
    "before the upgrade",
    "file changed as we read it",
    'from_the_future  {"a":1}',
    "web (nginx), running, could write",
    "verified         never",
  ]) {
    assert.ok(text.includes(part), `${part} is not in ${text}`);
  }
});
