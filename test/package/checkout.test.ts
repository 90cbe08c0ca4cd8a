import assert from "node:assert/strict";
import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmod, cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";

const PROJECT = join(import.meta.dirname, "../..");
const SETUP_MESSAGES =
  "dockform: installing Node.js 24 into .node (needed once)\n" +
  "dockform: installing the npm dependencies into node_modules\n";
const skip = !["linux", "darwin"].includes(process.platform) && "the set-up is for Linux and macOS";

/** Stands for npm: notes its call, takes a while, and makes what npm would. */
const NPM = `#!/bin/sh
echo "$1" >>"$CALLS"
if [ -n "$FAIL" ]; then echo "npm: no network" >&2; exit 1; fi
sleep 0.2
for word; do case $word in *@24) package=\${word%@24} ;; esac; done
case $1 in
  install)
    mkdir -p "node_modules/$package/bin"
    ln -s "$NODE" "node_modules/$package/bin/node" ;;
  ci) mkdir -p node_modules ;;
esac
`;
const OLD_NODE = `#!/bin/sh
echo v20.20.2
`;
const MAIN = `
if (process.argv[2] === "wait") {
  process.on("SIGTERM", () => process.exit(7));
  setInterval(() => {}, 1000);
}
console.log(JSON.stringify({ args: process.argv.slice(2), cwd: process.cwd() }));
`;

interface Ended {
  readonly code: unknown;
  readonly stdout: string;
  readonly stderr: string;
}

/** A checkout with nothing installed, on a machine with an old Node.js and the npm above. */
class Checkout implements AsyncDisposable {
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;

  private constructor(folder: string) {
    this.folder = folder;
    this.environment = {
      PATH: `${join(folder, "machine")}:/usr/bin:/bin`,
      CALLS: join(folder, "calls"),
      NODE: process.execPath,
    };
  }

  static async create(): Promise<Checkout> {
    // With a space, which is where shell scripts break.
    const checkout = new Checkout(await mkdtemp(join(tmpdir(), "dockform checkout-")));
    for (const file of [
      "bin/dockform",
      "scripts/setup.sh",
      "scripts/run.sh",
      "package-lock.json",
    ]) {
      await cp(join(PROJECT, file), checkout.path(file));
    }
    await checkout.write("src/main.ts", MAIN);
    await checkout.write("calls", "");
    for (const [name, script] of Object.entries({ npm: NPM, node: OLD_NODE })) {
      await checkout.write(`machine/${name}`, script);
      await chmod(checkout.path("machine", name), 0o755);
    }
    return checkout;
  }

  path(...parts: readonly string[]): string {
    return join(this.folder, ...parts);
  }

  async write(file: string, text: string): Promise<void> {
    await mkdir(dirname(this.path(file)), { recursive: true });
    await writeFile(this.path(file), text);
  }

  /** What npm was called for. */
  async calls(): Promise<readonly string[]> {
    return (await readFile(this.path("calls"), "utf8")).split("\n").slice(0, -1);
  }

  dockform(
    args: readonly string[] = [],
    options: { readonly program?: string; readonly env?: Readonly<Record<string, string>> } = {},
  ): Promise<Ended> {
    const { promise, resolve } = Promise.withResolvers<Ended>();
    const env = { ...this.environment, ...options.env };
    const program = options.program ?? this.path("bin/dockform");
    execFile(program, [...args], { cwd: "/", env }, (error, stdout, stderr) => {
      resolve({ code: error?.code ?? 0, stdout, stderr });
    });
    return promise;
  }

  start(args: readonly string[]): ChildProcess & { readonly stdout: NodeJS.ReadableStream } {
    return spawn(this.path("bin/dockform"), [...args], {
      cwd: "/",
      env: this.environment,
      stdio: ["ignore", "pipe", "inherit"],
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return rm(this.folder, { recursive: true, force: true });
  }
}

test("the first run sets up and the second has nothing to do", { skip }, async () => {
  await using checkout = await Checkout.create();
  const stdout = `${JSON.stringify({ args: ["a", "b c", ""], cwd: "/" })}\n`;
  const first = await checkout.dockform(["a", "b c", ""]);
  assert.deepEqual(first, { code: 0, stdout, stderr: SETUP_MESSAGES });
  const second = await checkout.dockform(["a", "b c", ""]);
  assert.deepEqual(second, { code: 0, stdout, stderr: "" });
  assert.deepEqual(await checkout.calls(), ["install", "ci"]);
});

test("another package-lock.json has the dependencies installed again", { skip }, async () => {
  await using checkout = await Checkout.create();
  await checkout.dockform();
  await checkout.write("package-lock.json", "{}");
  assert.equal((await checkout.dockform()).code, 0);
  assert.deepEqual(await checkout.calls(), ["install", "ci", "ci"]);
});

test("a recent Node.js on PATH is used", { skip }, async () => {
  await using checkout = await Checkout.create();
  await rm(checkout.path("machine/node"));
  await symlink(process.execPath, checkout.path("machine/node"));
  assert.equal((await checkout.dockform()).code, 0);
  assert.deepEqual(await checkout.calls(), ["ci"]);
});

test("first runs at the same time set up once", { skip }, async () => {
  await using checkout = await Checkout.create();
  const runs = await Promise.all(Array.from({ length: 4 }, () => checkout.dockform()));
  assert.deepEqual(
    runs.map(({ code }) => code),
    [0, 0, 0, 0],
  );
  assert.deepEqual(await checkout.calls(), ["install", "ci"]);
});

test("a set-up that was killed does not stand in the way", { skip }, async () => {
  await using checkout = await Checkout.create();
  const gone = spawn("true");
  await once(gone, "exit");
  await mkdir(checkout.path(".node"));
  await symlink(String(gone.pid), checkout.path(".node/lock"));
  const runs = await Promise.all(Array.from({ length: 4 }, () => checkout.dockform()));
  assert.deepEqual(
    runs.map(({ code }) => code),
    [0, 0, 0, 0],
  );
  assert.deepEqual(await checkout.calls(), ["install", "ci"]);
});

test("without a network it says what to do, and can be tried again", { skip }, async () => {
  await using checkout = await Checkout.create();
  const failed = await checkout.dockform([], { env: { FAIL: "yes" } });
  assert.deepEqual(failed, {
    code: 1,
    stdout: "",
    stderr:
      "dockform: installing Node.js 24 into .node (needed once)\n" +
      "npm: no network\n" +
      "dockform: Node.js 24 could not be installed from npm. Check the network, " +
      "or install Node.js 24 yourself, and try again.\n",
  });
  assert.equal((await checkout.dockform()).stderr, SETUP_MESSAGES);
});

test("it works through symbolic links", { skip }, async () => {
  await using checkout = await Checkout.create();
  await mkdir(checkout.path("links/inner"), { recursive: true });
  await symlink("../../bin/dockform", checkout.path("links/inner/dockform"));
  await symlink("inner/dockform", checkout.path("links/df"));
  const { stdout } = await checkout.dockform(["x"], { program: checkout.path("links/df") });
  assert.deepEqual(JSON.parse(stdout), { args: ["x"], cwd: "/" });
});

test("signals and the exit code are the program's own", { skip }, async () => {
  await using checkout = await Checkout.create();
  await checkout.dockform();
  const child = checkout.start(["wait"]);
  await once(createInterface(child.stdout), "line", { signal: AbortSignal.timeout(20_000) });
  child.kill("SIGTERM");
  assert.deepEqual(await once(child, "exit"), [7, null]);
});

test("run.sh runs a tool of the project in the checkout", { skip }, async () => {
  await using checkout = await Checkout.create();
  const program = checkout.path("scripts/run.sh");
  const { stdout } = await checkout.dockform(["node", "-p", "process.cwd()"], { program });
  assert.equal(stdout, `${checkout.folder}\n`);
});
