import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { testEngine } from "../../engine/test-engine.ts";
import { writeFiles } from "../archives.ts";
import { Sandbox } from "../harness.ts";
import { onTerminal } from "../terminal.ts";

const engine = await testEngine();

const { skip, skipUnlessPrivate } = engine;

const NOBODY = "unix:///no/engine/listens/here.sock";

const ESCAPE = "\u001B";

// --- JSON ---

test("--json prints one document on standard output, whatever the command", { skip }, async () => {
  await using sandbox = await Sandbox.create(engine.host);
  const document = async (...args: readonly string[]): Promise<Record<string, unknown>> => {
    const { code, stdout, stderr } = await sandbox.dockform([...args, "--json", "-v"]);
    assert.equal(code, 0, stderr);
    assert.ok(!stderr.includes("{"), stderr);
    const value: Record<string, unknown> = JSON.parse(stdout);
    return value;
  };
  assert.deepEqual(Object.keys(await document("init")), ["manifest", "volumes"]);
  const name = sandbox.name("data");
  await sandbox.declare(name);
  assert.equal((await document("validate"))["valid"], true);
  assert.ok("contexts" in (await document("plan")));
  assert.ok("created" in (await document("apply")));
  assert.ok("volumes" in (await document("volume", "list")));
  const { snapshots } = await document("volume", "snapshot", name);
  assert.ok(Array.isArray(snapshots));
  const { archive } = snapshots[0];
  assert.equal((await document("volume", "restore", name, archive, "--dry-run"))["dry_run"], true);
  assert.equal((await document("volume", "restore", name, archive))["volume"], name);
  assert.ok("checks" in (await document("doctor")));
  assert.ok("removed" in (await document("destroy", "--skip-confirmation", "--no-snapshot")));
  assert.ok("version" in (await document("version")));
});

test("--json prints one document where a part of the work failed, too", { skip }, async () => {
  await using sandbox = await Sandbox.create(engine.host);
  const { name } = await sandbox.volume("data");
  const missing = sandbox.name("missing");
  const half = await sandbox.dockform(["volume", "snapshot", name, missing, "--json"]);
  assert.equal(half.code, 1);
  const { snapshots } = JSON.parse(half.stdout);
  assert.deepEqual(
    snapshots.map(({ volume }: Record<string, unknown>) => volume),
    [name],
  );
  assert.match(half.stderr, new RegExp(`error: volume "${missing}" not found`));
  const doctor = await sandbox.dockform(["doctor", "--json"], { env: { DOCKER_HOST: NOBODY } });
  assert.notEqual(doctor.code, 0);
  assert.ok("checks" in JSON.parse(doctor.stdout));
});

test(
  "results are on standard output, all else on standard error, and no colours in a pipe",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(engine.host);
    const name = sandbox.name("data");
    await sandbox.declare(name);
    const apply = await sandbox.dockform(["apply"], { env: { FORCE_COLOR: "1" } });
    assert.equal(apply.stdout, "Created 1 volume, removed 0.\n");
    assert.match(apply.stderr, new RegExp(`\\+ ${name}: create`));
    const snapshot = await sandbox.dockform(["volume", "snapshot", name]);
    assert.match(
      snapshot.stdout,
      new RegExp(`^Snapshot of default/${name}: [^\n]*\n  \\S+\\.tar\\.zst\n$`),
    );
    assert.equal(snapshot.stderr, "");
    const quiet = await sandbox.dockform(["apply", "--log-level", "error"]);
    assert.equal(quiet.stdout, "Created 0 volumes, removed 0.\n");
    assert.equal(quiet.stderr, "");
    for (const { stdout, stderr } of [apply, snapshot])
      assert.ok(!`${stdout}${stderr}`.includes(ESCAPE));
  },
);

// --- colours and log lines ---

test(
  "a terminal gets colours, unless --no-color or NO_COLOR says otherwise",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(engine.host);
    await sandbox.declare(sandbox.name("data"));
    const under = await onTerminal();
    const shown = async (args: readonly string[], env: Record<string, string>): Promise<string> =>
      (await sandbox.dockform(["plan", ...args], { under, env: { TERM: "xterm", ...env } })).stdout;
    assert.ok((await shown([], {})).includes(`${ESCAPE}[32m+`));
    assert.ok(!(await shown(["--no-color"], {})).includes(ESCAPE));
    assert.ok(!(await shown([], { NO_COLOR: "1" })).includes(ESCAPE));
    assert.ok(!(await shown([], { TERM: "dumb" })).includes(ESCAPE));
  },
);

test(
  "a terminal shows how far a snapshot is, and nothing of that stays",
  { skip: skipUnlessPrivate },
  async () => {
    await using sandbox = await Sandbox.create(engine.host);
    const volume = await sandbox.volume("data");
    await writeFiles(volume.folder, { file: randomBytes(96 << 20) });
    const under = await onTerminal();
    const { code, stdout } = await sandbox.dockform(["volume", "snapshot", volume.name], { under });
    assert.equal(code, 0, stdout);
    assert.match(stdout, /\S+-data (\[#*\.*\] \d+ % )?[\d.]+ ([kM]?B|of [\d.]+ MB)/);
    // What a terminal shows in the end: each line as it was drawn last.
    const lines = stdout.split("\r\n").map((line) => line.split(`\r${ESCAPE}[2K`).at(-1) ?? "");
    assert.match(lines[0] ?? "", /^Snapshot of default\//);
    assert.deepEqual(
      lines.filter((line) => /\[[#.]+\]|\/s$/.test(line)),
      [],
    );
  },
);

test("--log-format json makes every line of standard error a document", { skip }, async () => {
  await using sandbox = await Sandbox.create(engine.host);
  const { name } = await sandbox.volume("data");
  const args = ["--log-format", "json", "-v", "volume", "snapshot", name, sandbox.name("missing")];
  const { code, stderr } = await sandbox.dockform(args);
  assert.equal(code, 1);
  const lines = logLines(stderr);
  for (const line of lines) {
    assert.match(line.time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.match(line.level, /^(debug|info|warn|error)$/);
  }
  assert.ok(
    lines.some(({ level, message }) => level === "debug" && message.startsWith("helper image: ")),
  );
  const error = lines.find(({ level }) => level === "error");
  assert.match(error?.message ?? "", /not found/);
  assert.match(error?.hint ?? "", /dockform volume list/);
});

test("--log-level and -v choose what is told", { skip }, async () => {
  await using sandbox = await Sandbox.create(engine.host);
  await sandbox.manifest(
    `identifier: ${sandbox.prefix}\nvolumes: { "${sandbox.name("a")}\${NO}": }\n`,
  );
  const levels = async (...args: readonly string[]): Promise<readonly string[]> => {
    const { stderr } = await sandbox.dockform(["apply", "--log-format", "json", ...args]);
    return [...new Set(logLines(stderr).map(({ level }) => level))].toSorted();
  };
  assert.deepEqual(await levels(), ["info", "warn"]);
  assert.deepEqual(await levels("--log-level", "warn"), ["warn"]);
  assert.deepEqual(await levels("--log-level", "error"), []);
  const { name } = await sandbox.volume("b");
  const snapshot = await sandbox.dockform(["volume", "snapshot", name, "-v"]);
  assert.match(snapshot.stderr, /^debug: helper image: \S+ \(.*\)$/m);
});

test("--log-file gets every line as JSON, and is for its owner alone", { skip }, async () => {
  await using sandbox = await Sandbox.create(engine.host);
  await sandbox.declare(sandbox.name("data"));
  for (let call = 0; call < 2; call += 1) {
    const apply = await sandbox.dockform(["apply", "--log-file", "apply.log"]);
    assert.equal(apply.code, 0, apply.stderr);
    assert.ok(!apply.stderr.includes("{"));
  }
  const lines = logLines(await readFile(sandbox.path("apply.log"), "utf8"));
  assert.equal(lines.filter(({ message }) => message.startsWith("Created volume")).length, 1);
  assert.ok(lines.length > 2, "a second call adds to the file");
  const nowhere = await sandbox.dockform(["apply", "--log-file", "no/such/folder/x.log"]);
  assert.equal(nowhere.code, 2);
  assert.match(nowhere.stderr, /^error: cannot write to the log file no\/such\/folder\/x\.log/);
});

interface LogLine {
  readonly time: string;
  readonly level: string;
  readonly message: string;
  readonly hint?: string;
}

function logLines(text: string): readonly LogLine[] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const parsed: LogLine = JSON.parse(line);
      return parsed;
    });
}
