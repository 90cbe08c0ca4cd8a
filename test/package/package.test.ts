import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
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
    const isSecondary = (name: string): boolean =>
      chunks.includes(name) || name.endsWith(".d.ts") || name.startsWith("README");
    assert.deepEqual(names.filter((name) => !isSecondary(name)).toSorted(), [
      "LICENSE",
      "bin/dockform.cjs",
      "dist/LICENSES.txt",
      "dist/helper.sh",
      "dist/index.mjs",
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

  describe("as a library", () => {
    let project = "";
    before(async () => {
      project = await installAsDependency(folder);
    });

    test("is imported and required", async () => {
      const load = `
        const keys = (all) => Object.keys(all).sort().join();
        console.log(keys(require("dockform")));
        import("dockform").then((all) => console.log(keys(all)));`;
      const { stdout } = await run(process.execPath, ["-e", load], { cwd: project });
      assert.equal(stdout, "DockformError,openDockform\n".repeat(2));
    });

    test("has types, which tell a program what it may do", async () => {
      const { code, stdout } = await compile(project, USES);
      assert.equal(code, 0, stdout);
      for (const [use, problem] of MISUSES) {
        const result = await compile(project, use);
        assert.notEqual(result.code, 0, use);
        assert.match(result.stdout, problem);
      }
    });

    test("runs the example of the documentation", { skip: engine.skipUnlessPrivate }, async () => {
      await using sandbox = await Sandbox.create(engine.host);
      const volume = await sandbox.volume("example");
      await writeFile(join(volume.folder, "file"), "content");
      await copyFile(join(PROJECT, "docs/examples/library.ts"), join(project, "library.ts"));
      const args = ["library.ts", volume.name, sandbox.path("store")];
      const env = { ...process.env, DOCKER_HOST: engine.host };
      const { stdout } = await run(process.execPath, args, { cwd: project, env });
      assert.match(stdout, /^snapshot of 1 files: .*\.tar\.zst\nverified: 2 entries\n/);
      assert.match(
        stdout,
        /\nrefused: .*\nto be restored: 2 entries\nrestored, containers stopped: 0\n/,
      );
      assert.match(
        stdout,
        /\nthe contents from before the restore are back\nsnapshot: before the upgrade\n$/,
      );
      assert.equal(await readFile(join(volume.folder, "file"), "utf8"), "content");
    });
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

/** An empty project with nothing but the package; answers its folder. */
async function installAsDependency(folder: string): Promise<string> {
  const project = join(folder, "project");
  await mkdir(project);
  await writeFile(join(project, "package.json"), JSON.stringify({ type: "module" }));
  const [tarball = ""] = (await readdir(folder)).filter((name) => name.endsWith(".tgz"));
  await run("npm", ["install", "--offline", join(folder, tarball)], { cwd: project });
  return project;
}

const USES = `
import { DockformError, openDockform, type Dockform, type ErrorCode } from "dockform";
await using dockform: Dockform = await openDockform({ signal: AbortSignal.timeout(1000) });
const bytes: number = (await dockform.restore("a", "latest", { without: ["owners"] })).uncompressedBytes;
const code: ErrorCode = new DockformError("volume.not-empty", String(bytes)).code;
console.log(code);`;

const MISUSES: readonly (readonly [use: string, problem: RegExp])[] = [
  [
    'import { openDockform } from "dockform";\nawait (await openDockform()).restore("a");',
    /Expected 2-3 arguments/,
  ],
  [
    'import { openDockform } from "dockform";\nawait openDockform({ stor: "x" });',
    /'stor' does not exist in type 'OpenOptions'/,
  ],
  ['import { EngineClient } from "dockform";\nEngineClient;', /no exported member 'EngineClient'/],
];

/** Compiles a program as strictly as can be, with the declarations of the package and of nothing else but Node.js. */
async function compile(
  project: string,
  program: string,
): Promise<{ code: unknown; stdout: string }> {
  await writeFile(join(project, "program.ts"), program);
  const tsc = join(PROJECT, "node_modules/.bin/tsc");
  const types = ["--types", "node", "--typeRoots", join(PROJECT, "node_modules/@types")];
  const strict = [
    "--noEmit",
    "--strict",
    "--exactOptionalPropertyTypes",
    "--skipLibCheck",
    "false",
  ];
  const target = ["--module", "nodenext", "--target", "esnext", "--lib", "esnext"];
  return refusal(tsc, ["program.ts", ...strict, ...target, ...types], project);
}

async function refusal(
  program: string,
  args: readonly string[],
  cwd = PROJECT,
): Promise<{ code: unknown; stdout: string; stderr: string }> {
  const { promise, resolve } = Promise.withResolvers<Awaited<ReturnType<typeof refusal>>>();
  execFile(program, [...args], { cwd }, (error, stdout, stderr) => {
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
