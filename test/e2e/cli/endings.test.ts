import assert from "node:assert/strict";
import { test } from "node:test";
import { testEngine } from "../../engine/test-engine.ts";
import { needProgram } from "../../oracle/host.ts";
import { writeFiles } from "../archives.ts";
import { Sandbox } from "../harness.ts";

const engine = await testEngine();

const { skip, skipUnlessPrivate } = engine;

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
    assert.match(row(used.name), / yes +5\d\.\d kB +moments ago +\S/);
    assert.match(row(used.name), new RegExp(`${running.name} \\(running\\)`));
    assert.match(row(missing), / yes +not created +- +-$/);
    assert.match(row(other.name), / no +0 B +- +-$/);
  },
);
