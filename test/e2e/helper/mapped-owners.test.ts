import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { canStartPrivateEngine, startPrivateEngine } from "../../engine/private-engine.ts";
import { run } from "../../oracle/host.ts";
import { describeTree, differences } from "../../oracle/tree.ts";
import { assertError, originFlags, writeFiles } from "../archives.ts";
import { assertUntouched } from "../evidence.ts";
import { Sandbox } from "../harness.ts";

const skip = !canStartPrivateEngine() && "a private engine needs root on Linux";
/** Any but root, for which the engine maps nothing. */
const ACCOUNT = "daemon";
const ACCOUNT_ID = 1;
/** Beyond what a machine gives to people by itself. */
const FIRST_ID = 700_000;
const IDS = 65_536;

const FILES = ["/etc/subuid", "/etc/subgid"];
/** What the machine had in them, or nothing. */
const found = new Map<string, string>();

before(async () => {
  if (skip !== false) return;
  for (const file of FILES) {
    const text = await readFile(file, "utf8").catch(() => "");
    found.set(file, text);
    const others = text.split("\n").filter((line) => !line.startsWith(`${ACCOUNT}:`));
    await writeFile(file, [`${ACCOUNT}:${FIRST_ID}:${IDS}`, ...others].join("\n"));
  }
});

after(async () => {
  for (const [file, text] of found) await writeFile(file, text);
});

/** Engines whose containers' owners are others outside. */
const ENGINES = [
  {
    title: "with userns-remap",
    start: () => startPrivateEngine({ configuration: { "userns-remap": ACCOUNT } }),
    outside: (id: number) => FIRST_ID + id,
  },
  {
    title: "without root",
    start: () => startPrivateEngine({ rootlessAs: ACCOUNT }),
    // Root is the account itself; the ids that it was given come after.
    outside: (id: number) => (id === 0 ? ACCOUNT_ID : FIRST_ID + id - 1),
  },
] as const;

for (const { title, start, outside } of ENGINES) {
  test(
    `an engine ${title} keeps owners, and refuses beforehand what its map lacks`,
    {
      skip,
    },
    async () => {
      await using engine = await start();
      await using sandbox = await Sandbox.create(engine.host);
      const from = await sandbox.volume("from");
      const into = await sandbox.volume("into");
      await writeFiles(from.folder, { "sub/file": "file", plain: "plain" });
      await run("chown", ["-R", `${outside(0)}:${outside(0)}`, from.folder]);
      await run("chown", [`${outside(33)}:${outside(34)}`, join(from.folder, "sub/file")]);
      const { archive, sidecar } = await sandbox.snapshot(from.name);
      assert.deepEqual(Reflect.get(Object(sidecar["holds"]), "owners"), ["0:0", "33:34"]);
      const service = await sandbox.running("service", await sandbox.waiting(into.name));
      const origin = await originFlags(into.name, archive);
      await sandbox.restore(into.name, archive, [
        "--undeclared",
        "--force",
        "--verify",
        "--stop-containers",
        ...origin,
      ]);
      assert.deepEqual(
        differences(await describeTree(from.folder), await describeTree(into.folder)),
        [],
      );
      assert.equal(await sandbox.state(service.id), "running");

      await refusesWhatItLacks(sandbox, into);
      assert.deepEqual(await sandbox.leftBehind(), []);
    },
  );
}

/** Owners beyond the map, and device nodes: refused with nothing touched, or left out where that is wanted. */
async function refusesWhatItLacks(
  sandbox: Sandbox,
  into: { readonly name: string; readonly folder: string },
): Promise<void> {
  const source = sandbox.path("source");
  await writeFiles(source, { file: "file", far: "far" });
  await run("chown", ["4000000:5", join(source, "far")]);
  await run("mknod", [join(source, "device"), "c", "1", "3"]);
  const far = sandbox.path("far.tar");
  await run("tar", ["--create", `--file=${far}`, `--directory=${source}`, "--format=posix", "."]);
  const beforehand = await sandbox.evidence(into.folder);
  const restore = [
    "volume",
    "restore",
    into.name,
    far,
    "--undeclared",
    "--force",
    "--stop-containers",
    "--json",
  ];
  assertError(await sandbox.dockform(restore), {
    exitCode: 3,
    message:
      /: owner 4000000:5 \(Invalid argument\); device nodes \(Operation not permitted\)$|: device nodes \(Operation not permitted\); owner 4000000:5 \(Invalid argument\)$/,
    hint: /--without (owners,devices|devices,owners)$/,
  });
  assertUntouched(beforehand, await sandbox.evidence(into.folder));
  const { code, stderr } = await sandbox.dockform([...restore, "--without", "owners,devices"]);
  assert.equal(code, 0, stderr);
  assert.equal(await readFile(join(into.folder, "far"), "utf8"), "far");
}
