import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { chmod, link, readFile, writeFile } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { test } from "node:test";
import { testEngine } from "../../engine/test-engine.ts";
import { assertError, packFiles, writeFiles } from "../archives.ts";
import { Sandbox } from "../harness.ts";
import type { CliResult } from "../cli-process.ts";

const engine = await testEngine();

const { skip, skipUnlessPrivate } = engine;

const NOBODY = "unix:///no/engine/listens/here.sock";

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
  const insecure = { exitCode: 3, message: /192\.0\.2\.1:2376, .* is not encrypted/, hint: /ssh:/ };
  assertError(await failure("remote"), insecure);
  await writeFile(`${home}/config.json`, "{");
  const result = await sandbox.dockform(["volume", "list", "--json"], { env: { DOCKER_HOST: "" } });
  assertError(result, { exitCode: 1, message: /config\.json is not valid JSON/, hint: /./ });
});

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
