import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readdir } from "node:fs/promises";
import { test } from "node:test";
import { testEngine } from "../../engine/test-engine.ts";
import { describeTree, differences } from "../../oracle/tree.ts";
import { packFiles, writeFiles } from "../archives.ts";
import { EngineProxy } from "../engine-proxy.ts";
import { Sandbox } from "../harness.ts";

const { host, skipUnlessPrivate } = await testEngine();
const skip = skipUnlessPrivate;

/** In the place of the version, the container's id and the like. */
function shape({ method, path }: { readonly method: string; readonly path: string }): string {
  const generic = path
    .replace(/[0-9a-f]{64}/, "ID")
    .replace(/(?<=\/volumes\/)[^/]+/, "NAME")
    .replace(/(?<=\/images\/).*(?=\/json)/, "REFERENCE");
  return `${method} ${generic}`;
}

/** Each call of a snapshot, and why it cannot be done without. */
const SNAPSHOT_CALLS = [
  "DELETE /containers/ID", // The volume must be free when the command ends.
  "GET /_ping", // The version to speak: an engine refuses those that are too old or too new for it.
  "GET /containers/json", // Who uses the volume, and whether another operation of ours is at work.
  "GET /images/REFERENCE/json", // Which helper image is prepared: Alpine's
  "GET /images/REFERENCE/json", // or, where that is not there, this machine's.
  "GET /info", // The engine's id, for the sidecar; while the helper starts.
  "GET /volumes", // Which other volumes lead to the same files; while the containers are listed.
  "GET /volumes/NAME", // Whether it is there (creating a container would make it), and its shape.
  "GET /volumes/NAME", // Whether it still is that one: an engine makes a volume that was removed meanwhile anew.
  "POST /containers/ID/attach", // Verbs and replies; before the start, so that nothing is missed.
  "POST /containers/ID/start",
  "POST /containers/create",
];

test(
  "a snapshot of an empty volume takes one container and no call too many",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(host);
    const { name } = await sandbox.volume("empty");
    await sandbox.snapshot(name);
    await using proxy = await EngineProxy.open(host, sandbox.path("proxy.sock"));
    await sandbox.snapshot(name, [], { env: { DOCKER_HOST: proxy.host } });
    const calls = proxy.calls.map(shape);
    assert.deepEqual(calls.toSorted(), SNAPSHOT_CALLS);
    // Two clients that begin at the same moment must not both have asked before the other was there.
    assert.ok(calls.indexOf("POST /containers/create") < calls.indexOf("GET /containers/json"));
  },
);

/** Who uses the volume is asked while the helper starts, and each may fail. */
const FAILING_STARTS = [
  { what: "who uses the volume", edit: ["", ""], said: /no task: not found/ },
  {
    what: "the helper, which is told",
    edit: ['"Entrypoint":["sh"', '"Entrypoint":["s-"'],
    said: /the helper image .* has no shell/,
  },
] as const;

for (const { what, edit, said } of FAILING_STARTS) {
  test(`there is no snapshot and nothing left without ${what}`, { skip }, async () => {
    await using sandbox = await Sandbox.create(host);
    const { name } = await sandbox.volume("data");
    await sandbox.snapshot(name, ["-o", "before"]);
    await using proxy = await EngineProxy.open(host, sandbox.path("proxy.sock"), edit);
    proxy.failing.push({ method: "GET", path: "/containers/json" });
    const args = ["volume", "snapshot", name, "-o", "out"];
    const env = { DOCKER_HOST: proxy.host };
    const { code, stderr } = await sandbox.dockform(args, { env });
    assert.equal(code, edit[0] === "" ? 1 : 3, stderr);
    assert.match(stderr, said);
    assert.deepEqual(proxy.failing, []);
    assert.deepEqual(await sandbox.leftBehind(), []);
  });
}

test("commands that need no engine do not touch it", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  await sandbox.declare("data");
  await using proxy = await EngineProxy.open(host, sandbox.path("proxy.sock"));
  const commands = [
    ["--version"],
    ["version"],
    ["--help"],
    ["volume", "snapshot", "--help"],
    ["validate"],
  ];
  for (const command of commands) {
    const { code, stderr } = await sandbox.dockform(command, { env: { DOCKER_HOST: proxy.host } });
    assert.equal(code, 0, stderr);
  }
  assert.equal(proxy.connections, 0);
});

/** What the engine gets of the helper's script, as JSON, and what it is told instead. */
const FAILING_PIPES = [
  {
    what: "the helper cannot make a pipe",
    edit: ["mkfifo -m 666 $exchange", "mkfifo -m 666 /nowhere/"],
    said: /data goes by exec/,
  },
  {
    what: "what it made is no pipe",
    edit: ["mkfifo -m 666 $exchange", "mkdir  -m 666 $exchange"],
    said: /data goes by exec/,
  },
  {
    what: "it runs under another kernel",
    edit: ["/proc/sys/kernel/random/boot_id", "/proc/sys/kernel/random/uuid   "],
    said: /data goes by exec/,
  },
  {
    what: "it cannot open the pipe to write",
    edit: ['exec >\\"$1\\"', 'exec >\\"/1\\"'],
    said: /the pipe does not open, data goes by exec: .*\/1/,
  },
  {
    what: "it cannot open the pipe to read",
    edit: ['exec <\\"$1\\"', 'exec <\\"/2\\"'],
    said: /the pipe does not open, data goes by exec: .*\/2/,
  },
] as const;

for (const { what, edit, said } of FAILING_PIPES) {
  test(`data goes by exec when ${what}`, { skip }, async () => {
    await using sandbox = await Sandbox.create(host);
    const from = await sandbox.volume("from");
    const into = await sandbox.volume("into");
    await sandbox.declare(from.name, into.name);
    // More than the buffers on the way can take, and nothing that compresses.
    await writeFiles(from.folder, { "a/file": "content", b: randomBytes(4e6) });
    await using proxy = await EngineProxy.open(host, sandbox.path("proxy.sock"), edit);
    const options = { env: { DOCKER_HOST: proxy.host } };
    const snapshot = await sandbox.snapshot(from.name, ["-v"], options);
    const restore = await sandbox.restore(into.name, snapshot.archive, ["-v"], options);
    const messages = snapshot.stderr + restore.stderr;
    assert.match(messages, said);
    assert.doesNotMatch(messages, /warning|error/);
    const found = differences(await describeTree(from.folder), await describeTree(into.folder));
    assert.deepEqual(found, []);
    assert.deepEqual(await sandbox.leftBehind(), []);
  });
}

test(
  "a helper that ends before it has read its data does not make the client wait",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(host);
    const main = await sandbox.flawed(
      'mkdir() { case "$*" in *new.partial*) exit 1 ;; esac; command mkdir "$@"; }',
    );
    const into = await sandbox.volume("into");
    await writeFiles(into.folder, { "a name\nof two lines": "old" });
    await sandbox.declare(into.name);
    // More than the buffers on the way can take.
    const archive = await packFiles(sandbox.folder, { file: randomBytes(40e6) });
    const args = ["volume", "restore", into.name, archive, "--force"];
    const { code, stderr } = await sandbox.dockform(args, { main });
    assert.equal(code, 1);
    assert.match(stderr, /cannot extract .*: the helper ended with status 1\n/);
    assert.deepEqual(await readdir(into.folder), ["a name\nof two lines"]);
  },
);
