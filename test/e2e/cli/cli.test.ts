import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmod, link, readFile, writeFile } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { basename } from "node:path";
import { test } from "node:test";
import { testEngine } from "../../engine/test-engine.ts";
import { needProgram } from "../../oracle/host.ts";
import { assertError, packFiles, writeFiles } from "../archives.ts";
import { Sandbox } from "../harness.ts";
import type { CliResult } from "../cli-process.ts";
import { onTerminal } from "../terminal.ts";

const engine = await testEngine();
const { skip, skipUnlessPrivate } = engine;
const NOBODY = "unix:///no/engine/listens/here.sock";
const ESCAPE = "\u001B";

// --- exit codes ---

test("the exit code is 0 for what was done, and 1 for what failed", { skip }, async () => {
  await using sandbox = await Sandbox.create(engine.host);
  assert.equal((await sandbox.dockform(["volume", "list"])).code, 0);
  const failed = await sandbox.dockform(["volume", "snapshot", sandbox.name("missing"), "--json"]);
  assertError(failed, { exitCode: 1, message: /not found/, hint: /volume list/ });
});

test("the exit code is 2 for a command line or a manifest that is wrong", async () => {
  await using sandbox = await Sandbox.create(NOBODY);
  for (const args of [["aply"], []]) {
    const { code, stdout, stderr } = await sandbox.dockform(args);
    assert.equal(code, 2);
    assert.equal(stdout, "");
    assert.match(stderr, /^(error: unknown command 'aply'|Usage: )/);
  }
  await sandbox.manifest("volumes: 7");
  assert.equal((await sandbox.dockform(["plan"])).code, 2);
});

test(
  "the exit code is 3 for what is refused, and 4 for what is damaged",
  { skip: skipUnlessPrivate },
  async () => {
    await using sandbox = await Sandbox.create(engine.host);
    const volume = await sandbox.volume("full");
    await writeFiles(volume.folder, { file: "here" });
    await sandbox.declare(volume.name);
    const good = await packFiles(sandbox.folder, { file: "new" });
    const refused = await sandbox.dockform(["volume", "restore", volume.name, good, "--json"]);
    assertError(refused, { exitCode: 3, message: /is not empty/, hint: /--force/ });
    const garbage = sandbox.path("garbage.tar.zst");
    await writeFile(garbage, "this is no archive");
    const damaged = await sandbox.dockform(["volume", "restore", volume.name, garbage, "--json"]);
    assertError(damaged, { exitCode: 4, message: /is damaged/, hint: /./ });
    assert.equal(await readFile(`${volume.folder}/file`, "utf8"), "here");
  },
);

test("the exit code is 5 for an engine that cannot be reached", async () => {
  await using sandbox = await Sandbox.create(NOBODY);
  await sandbox.manifest("identifier: x\n");
  const commands = [["plan"], ["apply"], ["destroy"], ["volume", "list"]];
  for (const command of [...commands, ["volume", "snapshot", "data"]]) {
    const result = await sandbox.dockform([...command, "--json"]);
    const message = `cannot reach the Docker Engine of context "default" at ${NOBODY}: connect ENOENT ${NOBODY.slice(7)}`;
    assertError(result, { exitCode: 5, message, hint: /Is the engine running\?/ });
  }
});

test("the exit code is 130 after an interruption, which is said", async () => {
  await using sandbox = await Sandbox.create(NOBODY);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    await using silent = await listening(sandbox.path("silent.sock"));
    const env = { DOCKER_HOST: `unix://${silent.path}` };
    const call = sandbox.start(["volume", "list", "--json"], { env });
    await call.until("it asks the engine", () => silent.connections() > 0);
    call.signal(signal);
    const result = await call.ended;
    assertError(result, { exitCode: 130, message: /interrupted/, hint: /^$/ });
  }
});

// --- usage ---

for (const [what, args, message] of [
  [
    "a command that is nearly right",
    ["aply"],
    /unknown command 'aply'\n.*Did you mean `dockform apply`\?/,
  ],
  [
    "a command of volume",
    ["volume", "snapshto"],
    /unknown command 'snapshto'\n.*mean `dockform volume snapshot`\?/,
  ],
  ["an unknown command", ["frobnicate"], /unknown command 'frobnicate'/],
  ["an option that is nearly right", ["plan", "--jsn"], /unknown option '--jsn'\n.*--json\?/],
  ["a missing argument", ["volume", "restore", "data"], /missing required argument 'snapshot'/],
  ["an argument too many", ["plan", "extra"], /too many arguments for 'plan'.*: extra/],
  ["a level that zstd does not have", ["volume", "snapshot", "a", "--level", "20"], /from 1 to 19/],
  ["a level that is no number", ["volume", "snapshot", "a", "--level", "3.5"], /from 1 to 19/],
  ["an unknown format", ["volume", "snapshot", "a", "--format", "zip"], /tar\.zst, tar/],
  ["an unknown log level", ["plan", "--log-level", "loud"], /debug, info, warn, error/],
  ["an option without its value", ["plan", "--context"], /argument missing/],
  ["both names of the manifest option", ["plan", "-m", "a", "-c", "b"], /cannot be used with/],
] as const) {
  test(`${what} is told as a mistake, to people and to scripts`, async () => {
    await using sandbox = await Sandbox.create(NOBODY);
    const { code, stdout, stderr } = await sandbox.dockform(["--json", ...args]);
    assert.equal(code, 2);
    assert.match(stderr, /^error: /);
    assert.match(stderr, message);
    assert.match(stderr, /--help/);
    const { error } = JSON.parse(stdout);
    assert.equal(error.code, "command.invalid");
    assert.equal(error.kind, "usage");
    assert.equal(error.exit_code, 2);
    assert.ok(stderr.startsWith(`error: ${error.message}`), error.message);
  });
}

test("a volume name that the engine would not take is told before the engine is asked", async () => {
  await using sandbox = await Sandbox.create(NOBODY);
  for (const name of ["-rf", "a b", "x", "../etc", "data:ro", ""]) {
    const result = await sandbox.dockform(["volume", "snapshot", "--json", "--", name]);
    assertError(result, {
      exitCode: 2,
      message: /is not a (volume|context) name/,
      hint: /context/,
    });
  }
});

test("help is a result: on standard output, within 80 columns, with exit code 0", async () => {
  await using sandbox = await Sandbox.create(NOBODY);
  const commands = [
    ["--help"],
    ["help"],
    ["volume", "--help"],
    ["help", "volume"],
    ["apply", "-h"],
  ];
  for (const args of [...commands, ["volume", "snapshot", "--help"]]) {
    const { code, stdout, stderr } = await sandbox.dockform(args);
    assert.equal(code, 0);
    assert.match(stdout, /^Usage: dockform /);
    assert.equal(stderr, "");
    assert.deepEqual(
      stdout.split("\n").filter((line) => line.length > 80),
      [],
    );
  }
});

test("version says the version of the package, in every form", async () => {
  await using sandbox = await Sandbox.create(NOBODY);
  const manifest = await readFile(new URL("../../../package.json", import.meta.url), "utf8");
  const { version } = JSON.parse(manifest);
  assert.equal((await sandbox.dockform(["--version"])).stdout, `${version}\n`);
  assert.equal((await sandbox.dockform(["-V"])).stdout, `${version}\n`);
  const text = await sandbox.dockform(["version"]);
  assert.match(
    text.stdout,
    new RegExp(`^dockform ${version} \\(Node\\.js ${process.versions.node},`),
  );
  const json = await sandbox.dockform(["version", "--json"]);
  assert.equal(JSON.parse(json.stdout).version, version);
});

// --- which engine ---

test("a socket that nobody listens on any more is an engine that cannot be reached", async () => {
  await using sandbox = await Sandbox.create(NOBODY);
  const dead = sandbox.path("dead.sock");
  {
    await using server = await listening(sandbox.path("alive.sock"));
    await link(server.path, dead);
  }
  const env = { DOCKER_HOST: `unix://${dead}` };
  const result = await sandbox.dockform(["volume", "list", "--json"], { env });
  assertError(result, { exitCode: 5, message: /ECONNREFUSED/, hint: /Is the engine running/ });
});

test("a socket that one may not open is told with what to do about it", async () => {
  await using sandbox = await Sandbox.create(NOBODY);
  await using server = await listening(sandbox.path("closed.sock"));
  await chmod(server.path, 0o000);
  const isRoot = process.getuid?.() === 0;
  const asNobodySpecial = ["setpriv", "--bounding-set", "-dac_override,-dac_read_search", "--"];
  const result = await sandbox.dockform(["volume", "list", "--json"], {
    env: { DOCKER_HOST: `unix://${server.path}` },
    under: isRoot ? asNobodySpecial : [],
  });
  assertError(result, { exitCode: 5, message: /EACCES/, hint: /group `docker`/ });
});

test("the engine is chosen as the docker command chooses it", async () => {
  await using sandbox = await Sandbox.create(NOBODY);
  const [home, elsewhere] = [sandbox.path(".docker"), sandbox.path("elsewhere")];
  await storeContext(home, "work", "unix:///work.sock");
  await storeContext(home, "play", "unix:///play.sock");
  await storeContext(elsewhere, "far", "unix:///far.sock");
  const current = (name: string): string => JSON.stringify({ currentContext: name });
  await writeFile(`${home}/config.json`, current("play"));
  await writeFile(`${elsewhere}/config.json`, current("far"));
  const chosen = async (
    env: Readonly<Record<string, string>>,
    args: readonly string[] = [],
  ): Promise<string> => {
    const result = await sandbox.dockform(["volume", "list", "--json", ...args], {
      env: { DOCKER_HOST: "", ...env },
    });
    const { error } = JSON.parse(result.stdout);
    assert.equal(result.code, 5, error.message);
    const [, context, host] = /of context "(.*)" at (\S+): /.exec(error.message) ?? [];
    return `${context} ${host}`;
  };
  const everything = { DOCKER_HOST: "unix:///host.sock", DOCKER_CONTEXT: "work" };
  assert.equal(await chosen(everything), "default unix:///host.sock");
  assert.equal(await chosen({ DOCKER_CONTEXT: "work" }), "work unix:///work.sock");
  assert.equal(await chosen({}), "play unix:///play.sock");
  assert.equal(await chosen({ DOCKER_CONFIG: elsewhere }), "far unix:///far.sock");
  assert.equal(await chosen(everything, ["--context", "play"]), "play unix:///play.sock");
  await sandbox.manifest("docker: { context: work, identifier: x }\n");
  assert.equal(await chosen({ DOCKER_CONTEXT: "play" }), "work unix:///work.sock");
  await sandbox.manifest("contexts: { far: { host: unix:///manifest.sock } }\n");
  assert.equal(await chosen(everything), "far unix:///manifest.sock");
});

test("a context that does not exist, or that is broken, is told with what to look at", async () => {
  await using sandbox = await Sandbox.create(NOBODY);
  const failure = async (name: string): Promise<CliResult> =>
    sandbox.dockform(["volume", "list", "--json", "--context", name]);
  const missing = { exitCode: 2, message: `docker context "nowhere" does not exist` };
  assertError(await failure("nowhere"), { ...missing, hint: /docker context ls/ });
  const home = sandbox.path(".docker");
  await storeContext(home, "empty", "");
  const empty = { exitCode: 2, message: /"empty" has no docker endpoint/, hint: /meta\.json/ };
  assertError(await failure("empty"), empty);
  await storeContext(home, "remote", "tcp://192.0.2.1:2376");
  assertError(await failure("remote"), { exitCode: 2, message: /192\.0\.2\.1/, hint: /unix:\/\// });
  await writeFile(`${home}/config.json`, "{");
  const result = await sandbox.dockform(["volume", "list", "--json"], { env: { DOCKER_HOST: "" } });
  assertError(result, { exitCode: 1, message: /config\.json is not valid JSON/, hint: /./ });
});

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
    assert.equal(lines.length, 3);
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

// --- doctor ---

test("doctor finds nothing wrong where nothing is", { skip }, async () => {
  await using sandbox = await Sandbox.create(engine.host);
  const { name } = await sandbox.volume("data");
  await sandbox.declare(name);
  await sandbox.snapshot(name);
  const text = await sandbox.dockform(["doctor"]);
  assert.equal(text.code, 0, text.stderr);
  const checks = await doctorChecks(sandbox);
  const expected = [
    "manifest",
    "context default",
    "engine",
    "API version",
    "helper image",
    "space",
    "snapshots",
  ];
  assert.deepEqual([...checks.keys()], expected);
  for (const { check, status } of checks.values()) assert.equal(status, "ok", check);
  assert.ok(checks.get("context default")?.found.includes(engine.host));
  assert.match(checks.get("helper image")?.found ?? "", /:\S+, /);
  for (const { found } of checks.values()) assert.ok(text.stdout.includes(found), found);
});

test("doctor says of each thing that is wrong what to do about it", { skip }, async () => {
  await using sandbox = await Sandbox.create(engine.host);
  const noManifest = await doctorChecks(sandbox);
  assert.equal(noManifest.get("manifest")?.status, "warning");
  assert.match(noManifest.get("manifest")?.advice ?? "", /dockform init/);

  await sandbox.manifest("volumess: {}\n");
  const badManifest = await doctorChecks(sandbox);
  assert.equal(badManifest.get("manifest")?.status, "failed");
  assert.match(badManifest.get("manifest")?.found ?? "", /dockform\.yml:1:1: .*did you mean/);

  await sandbox.manifest("identifier: x\n");
  const noEngine = await doctorChecks(sandbox, { DOCKER_HOST: NOBODY });
  assert.equal(noEngine.get("engine")?.status, "failed");
  assert.match(noEngine.get("engine")?.found ?? "", /cannot reach/);
  assert.match(noEngine.get("engine")?.advice ?? "", /Is the engine running/);
  assert.equal(noEngine.get("space")?.status, "ok");

  const env = { DOCKFORM_HELPER_IMAGE: "localhost:1/no/such:image" };
  const noImage = await doctorChecks(sandbox, env);
  assert.equal(noImage.get("helper image")?.status, "failed");
  assert.match(noImage.get("helper image")?.advice ?? "", /DOCKFORM_HELPER_IMAGE/);
  assert.equal(noImage.get("engine")?.status, "ok");
  const text = await sandbox.dockform(["doctor"], { env });
  assert.match(text.stdout, /^failed +helper image +.*localhost:1/m);
  assert.match(text.stderr, /error: 1 check failed/);
});

// --- defects ---

/** A module that is loaded before the program: an error that nobody awaits, once the program looks for such. */
const DEFECT = `process.on("newListener", (event) => {
  if (event === "unhandledRejection") setImmediate(() => { throw new Error("a defect"); });
})`;

test("an error that nobody awaits is told and ends with its code, whatever the command does", async () => {
  await using sandbox = await Sandbox.create(engine.host);
  const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(DEFECT)}` };
  const { code, stderr } = await sandbox.dockform(["version"], { env });
  assert.equal(code, 1, stderr);
  assert.match(
    stderr,
    /^unexpected: Error: a defect\n +at .*\nerror: unexpected: a defect\n.*report/s,
  );
});

// --- a reader that goes away, and the list ---

test("a reader that goes away does not keep a command from doing its work", { skip }, async () => {
  await using sandbox = await Sandbox.create(engine.host);
  const { name } = await sandbox.volume("data");
  const missing = sandbox.name("missing");
  await sandbox.declare(name, missing);
  const python = await needProgram("/usr/bin/python3", "python3");
  const under = [python, "-c", WITHOUT_READER];
  for (const args of [["--help"], ["volume", "list"], ["apply", "--json"]]) {
    const { code, stderr } = await sandbox.dockform(args, { under });
    assert.equal(code, 0, stderr);
    assert.doesNotMatch(stderr, /EPIPE|unexpected|    at /);
  }
  assert.equal(await sandbox.volumeExists(missing), true);
});

const WITHOUT_READER = `
import os, subprocess, sys
reader, writer = os.pipe()
os.close(reader)
sys.exit(subprocess.run(sys.argv[1:], stdout=writer).returncode)
`;

test(
  "volume list shows declared and other volumes, sizes, containers and newest snapshots",
  { skip: skipUnlessPrivate },
  async () => {
    await using sandbox = await Sandbox.create(engine.host);
    const used = await sandbox.volume("used");
    const other = await sandbox.volume("other");
    const missing = sandbox.name("missing");
    await writeFiles(used.folder, { file: Buffer.alloc(50_000, "x") });
    await sandbox.declare(used.name, missing);
    const running = await sandbox.running("running", await sandbox.waiting(used.name));
    const created = await sandbox.container("created", await sandbox.waiting(used.name));
    await sandbox.snapshot(used.name);
    const { archive } = await sandbox.snapshot(used.name);

    const json = await sandbox.dockform(["volume", "list", "--json"]);
    assert.equal(json.code, 0, json.stderr);
    const all: readonly Record<string, unknown>[] = JSON.parse(json.stdout).volumes;
    const of = (name: string): Record<string, unknown> | undefined =>
      all.find(({ volume }) => volume === name);
    const { size_bytes: size, containers, ...rest } = of(used.name) ?? {};
    const [context, volume] = ["default", used.name];
    const quiet = { kept: null, leftovers: [], set_aside: [], interrupted: false };
    const exists = { declared: true, exists: true };
    const expected = { context, volume, ...exists, newest_snapshot: archive, ...quiet };
    assert.deepEqual(rest, expected);
    assert.ok(Number(size) >= 50_000);
    assert.ok(Array.isArray(containers));
    assert.deepEqual(
      new Set(containers.map(({ name, state }: Record<string, string>) => `${name} ${state}`)),
      new Set([`${running.name} running`, `${created.name} created`]),
    );
    const nothing = { containers: [], newest_snapshot: null, ...quiet };
    const notThere = { declared: true, exists: false, size_bytes: null, ...nothing };
    assert.deepEqual(of(missing), { context, volume: missing, ...notThere });
    const there = { declared: false, exists: true, size_bytes: 0, ...nothing };
    assert.deepEqual(of(other.name), { context, volume: other.name, ...there });

    const text = await sandbox.dockform(["volume", "ls"]);
    const row = (name: string): string =>
      text.stdout.split("\n").find((line) => line.startsWith(`${name} `)) ?? "";
    const [time = ""] = basename(archive).split("__");
    const shownTime = time.replace(/T(\d\d)-(\d\d)-(\d\d)/, "T$1:$2:$3");
    assert.match(row(used.name), new RegExp(` yes +5\\d\\.\\d kB +${shownTime} +\\S`));
    assert.match(row(used.name), new RegExp(`${running.name} \\(running\\)`));
    assert.match(row(missing), / yes +not created +- +-$/);
    assert.match(row(other.name), / no +0 B +- +-$/);
  },
);

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

interface Check {
  readonly check: string;
  readonly status: string;
  readonly found: string;
  readonly advice?: string;
}

async function doctorChecks(
  sandbox: Sandbox,
  env: Readonly<Record<string, string>> = {},
): Promise<ReadonlyMap<string, Check>> {
  const { stdout } = await sandbox.dockform(["doctor", "--json"], { env });
  const { checks }: { checks: readonly Check[] } = JSON.parse(stdout);
  return new Map(checks.map((check) => [check.check, check]));
}

interface Listening extends AsyncDisposable {
  readonly path: string;
  readonly connections: () => number;
}

/** A socket that takes connections and never says a word. */
async function listening(path: string): Promise<Listening> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket.on("error", () => {}));
  });
  server.listen(path);
  await once(server, "listening");
  return {
    path,
    connections: () => sockets.length,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((done) => server.close(done));
    },
  };
}

/** A context in a store as the docker CLI keeps it. */
async function storeContext(folder: string, name: string, host: string): Promise<void> {
  const digest = createHash("sha256").update(name).digest("hex");
  const meta = { Name: name, Metadata: {}, Endpoints: { docker: { Host: host } } };
  await writeFiles(`${folder}/contexts/meta/${digest}`, { "meta.json": JSON.stringify(meta) });
}
