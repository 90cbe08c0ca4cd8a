import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { joinedScript } from "../../src/helper/script/join.ts";
import { Sandbox } from "../e2e/harness.ts";
import { testEngine } from "../engine/test-engine.ts";

const PROJECT = join(import.meta.dirname, "../..");
const run = promisify(execFile);
const engine = await testEngine();

interface PackageJson {
  readonly version: string;
}

describe("the published package", () => {
  let folder = "";
  let command = "";

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "dockform-package-"));
    command = await packAndInstall(folder);
  });
  after(() => rm(folder, { recursive: true, force: true }));

  test("holds what the program needs and nothing else", async () => {
    const installed = join(folder, "prefix/lib/node_modules/dockform");
    const files = await readdir(installed, { recursive: true, withFileTypes: true });
    const names = files
      .filter((file) => file.isFile())
      .map((file) => join(file.parentPath, file.name).slice(installed.length + 1));
    const chunks = names.filter((name) => /^dist\/[\w-]+\.cjs$/.test(name));
    assert.ok(chunks.includes("dist/main.cjs"));
    const others = names.filter((name) => !chunks.includes(name) && !name.startsWith("README"));
    assert.deepEqual(others.toSorted(), [
      "LICENSE",
      "bin/dockform.cjs",
      "dist/LICENSES.txt",
      "dist/helper.sh",
      "dockform-output.schema.json",
      "dockform.schema.json",
      "package.json",
    ]);
  });

  test("brings the helper's script along, beside the code that reads it", async () => {
    const packed = join(folder, "prefix/lib/node_modules/dockform/dist/helper.sh");
    assert.equal(await readFile(packed, "utf8"), joinedScript());
  });

  test("passes on the licenses of what is bundled", async () => {
    const dist = join(folder, "prefix/lib/node_modules/dockform/dist");
    const licenses = await readFile(join(dist, "LICENSES.txt"), "utf8");
    for (const name of ["commander", "valibot", "yaml"]) {
      assert.match(licenses, new RegExp(`^${name}\\n\\n.*Copyright`, "ms"));
    }
  });

  test("answers --version and --help on this Node.js", async () => {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    const { version } = JSON.parse(
      await readFile(join(PROJECT, "package.json"), "utf8"),
    ) as PackageJson;
    const { stdout } = await dockform(["--version"]);
    assert.match(stdout, new RegExp(`^(dockform )?${RegExp.escape(version)}\\n$`));
    assert.match((await dockform(["--help"])).stdout, /Usage: dockform/);
  });

  test("can load every command", async () => {
    const dist = join(folder, "prefix/lib/node_modules/dockform/dist");
    const load = `
      const { readdirSync } = require("node:fs");
      for (const file of readdirSync(process.argv[1])) {
        if (file.endsWith(".cjs")) require(process.argv[1] + "/" + file);
      }`;
    // One of them is the program itself, which has to have something to do.
    const { stdout } = await run(process.execPath, ["-e", load, dist, "--version"]);
    assert.match(stdout, /^\d+\.\d+\.\d+\n$/);
  });

  test("takes a snapshot", { skip: engine.skip }, async () => {
    await using sandbox = await Sandbox.create(engine.host);
    const volume = await sandbox.volume("packaged");
    await sandbox.declare(volume.name);
    const place = { cwd: sandbox.folder, env: { DOCKER_HOST: engine.host } };
    await dockform(["volume", "snapshot", volume.name], place);
    const { stdout } = await dockform(["volume", "list", "--json"], place);
    assert.match(stdout, /"newest_snapshot": "[^"]+\.tar\.zst"/);
  });

  test("says in one line what it needs on an older Node.js", async () => {
    const preload = join(folder, "old-node.cjs");
    await writeFile(
      preload,
      'Object.defineProperty(process, "versions", { value: { ...process.versions, node: "20.20.2" } });',
    );
    const failure = await refusal(process.execPath, ["--require", preload, command]);
    assert.deepEqual(failure, {
      code: 1,
      stdout: "",
      stderr:
        "dockform needs Node.js 24 or later; this is 20.20.2. " +
        "Install it from https://nodejs.org or with your version manager.\n",
    });
  });

  test("says so on the older Node.js of this machine", async (context) => {
    const old = await olderNode();
    if (old === undefined) return context.skip("there is no older Node.js on PATH");
    const { code, stdout, stderr } = await refusal(old, [command]);
    assert.deepEqual([code, stdout], [1, ""]);
    assert.match(stderr, /^dockform needs Node\.js 24 or later; this is \d+\.\d+\.\d+\. [^\n]+\n$/);
  });

  function dockform(
    args: readonly string[],
    place: { readonly cwd: string; readonly env: Readonly<Record<string, string>> } = {
      cwd: folder,
      env: {},
    },
  ): Promise<{ stdout: string; stderr: string }> {
    // As a shell would: through the link that npm made, whose first line asks PATH for a node.
    const PATH = [dirname(process.execPath), process.env["PATH"]].join(delimiter);
    return run(command, [...args], { cwd: place.cwd, env: { ...process.env, ...place.env, PATH } });
  }
});

/** Packs the project and installs it as `npm install -g` does; returns the command's path. */
async function packAndInstall(folder: string): Promise<string> {
  const prefix = join(folder, "prefix");
  await mkdir(prefix);
  await run("npm", ["pack", "--offline", "--pack-destination", folder], { cwd: PROJECT });
  const tarball = (await readdir(folder)).find((name) => name.endsWith(".tgz"));
  assert.ok(tarball !== undefined, "npm pack made no file");
  const install = ["install", "--global", "--offline", "--prefix", prefix, join(folder, tarball)];
  await run("npm", install, { cwd: folder });
  return join(prefix, "bin/dockform");
}

async function refusal(
  program: string,
  args: readonly string[],
): Promise<{ code: unknown; stdout: string; stderr: string }> {
  const { promise, resolve } = Promise.withResolvers<Awaited<ReturnType<typeof refusal>>>();
  execFile(program, [...args], (error, stdout, stderr) => {
    resolve({ code: error?.code ?? 0, stdout, stderr });
  });
  return promise;
}

/** A Node.js below 24 on this machine's own PATH. */
async function olderNode(): Promise<string | undefined> {
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
    const candidate = join(folder, "node");
    const version = await run(candidate, ["--version"]).then(
      ({ stdout }) => stdout,
      () => "",
    );
    if (/^v\d+/.test(version) && Number.parseInt(version.slice(1), 10) < 24) return candidate;
  }
  return undefined;
}
