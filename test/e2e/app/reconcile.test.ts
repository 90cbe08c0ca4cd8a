import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { test } from "node:test";
import { EngineClient } from "../../../src/engine/client.ts";
import {
  createVolume,
  inspectVolume,
  listVolumes,
  removeVolume,
  type EngineVolume,
} from "../../../src/engine/volumes.ts";
import { startPrivateEngine } from "../../engine/private-engine.ts";
import { testEngine } from "../../engine/test-engine.ts";
import { assertError, writeFiles } from "../archives.ts";
import { Sandbox } from "../harness.ts";
import type { TestVolume } from "../engine-objects.ts";
import { onTerminal } from "../terminal.ts";

const engine = await testEngine();
const { skip, skipUnlessPrivate } = engine;
const LABEL = "io.dockform.identifier";
const NOBODY = "unix:///no/engine/listens/here.sock";
const CTRL_C = "\u0003";
const CTRL_D = "\u0004";

// --- init ---

test(
  "init lists the volumes there are as comments of a manifest that is valid",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(engine.host);
    const { name } = await sandbox.volume("existing");
    const anonymous = randomBytes(32).toString("hex");
    await createVolume(sandbox.engine, {
      name: anonymous,
      driver: "local",
      driverOpts: {},
      labels: {},
    });
    try {
      const init = await sandbox.dockform(["init"]);
      assert.equal(init.code, 0, init.stderr);
      assert.match(init.stdout, /dockform\.yml/);
      const text = await readFile(sandbox.path("dockform.yml"), "utf8");
      assert.ok(
        !text.includes(anonymous),
        "a volume without a name of its own is no use to declare",
      );
      const identifier = /^ *identifier: (\S+)$/m.exec(text)?.[1] ?? "";
      assert.equal(identifier, basename(sandbox.folder).toLowerCase());
      const declared = async (): Promise<readonly string[]> => {
        const validate = await sandbox.dockform(["validate", "--json"]);
        assert.equal(validate.code, 0, validate.stderr);
        return JSON.parse(validate.stdout).contexts[0].volumes;
      };
      assert.deepEqual(await declared(), []);
      // Without its # it is a declaration.
      const line = `  # ${name}: {}\n`;
      await writeFile(sandbox.path("dockform.yml"), text.replace(line, line.replace("# ", "")));
      assert.deepEqual(await declared(), [name]);
    } finally {
      await removeVolume(sandbox.engine, anonymous);
    }
  },
);

test("init never overwrites a manifest of any of its names, not even a broken one", async () => {
  for (const existing of ["dockform.yml", "dockform.yaml", "Dockform.yml", "Dockform.yaml"]) {
    await using sandbox = await Sandbox.create(NOBODY);
    await writeFile(sandbox.path(existing), "volumes: [");
    const result = await sandbox.dockform(["init", "--json"]);
    assertError(result, { exitCode: 3, message: /there is a manifest/, hint: /never overwrites/ });
    assert.equal(await readFile(sandbox.path(existing), "utf8"), "volumes: [");
    assert.deepEqual((await readdir(sandbox.folder)).toSorted(), [existing, "tmp"].toSorted());
  }
});

test("init writes a manifest where no engine answers, too, and says that it lists no volumes", async () => {
  await using sandbox = await Sandbox.create(NOBODY);
  const init = await sandbox.dockform(["init"]);
  assert.equal(init.code, 0, init.stderr);
  assert.match(init.stderr, /warning: .*engine was not reached/);
  const validate = await sandbox.dockform(["validate"]);
  assert.equal(validate.code, 0, validate.stderr);
});

test("init names the context that was chosen", { skip }, async () => {
  await using sandbox = await Sandbox.create(engine.host);
  const env = await storeContext(sandbox, "workshop", engine.host);
  const init = await sandbox.dockform(["init", "--context", "workshop"], { env });
  assert.equal(init.code, 0, init.stderr);
  assert.match(await readFile(sandbox.path("dockform.yml"), "utf8"), /^ *context: "workshop"$/m);
});

// --- validate ---

test("validate says what a manifest declares, and needs no engine for it", async () => {
  await using sandbox = await Sandbox.create(NOBODY);
  await sandbox.manifest(`identifier: home
contexts:
  default: { volumes: { web_data: {}, cache: { driver: local, driver_opts: { type: tmpfs, device: tmpfs } } } }
  far: { host: "ssh://me@host", volumes: { far_data: {} } }
`);
  const text = await sandbox.dockform(["validate"]);
  assert.equal(text.code, 0, text.stderr);
  assert.equal(text.stdout, "dockform.yml is valid: 3 volumes in 2 contexts\n");
  const json = await sandbox.dockform(["validate", "--json"]);
  assert.deepEqual(JSON.parse(json.stdout), {
    valid: true,
    manifest: sandbox.path("dockform.yml"),
    identifier: "home",
    contexts: [
      { name: "default", host: null, volumes: ["web_data", "cache"] },
      { name: "far", host: "ssh://me@host", volumes: ["far_data"] },
    ],
  });
});

test("validate shows file, line, column and what was probably meant, of all mistakes at once", async () => {
  await using sandbox = await Sandbox.create(NOBODY);
  await sandbox.manifest(`identifier: home
volumes:
  web data: {}
  cache:
    drivr: local
`);
  const text = await sandbox.dockform(["validate"]);
  assert.equal(text.code, 2);
  assert.equal(text.stdout, "");
  assert.match(text.stderr, /^dockform\.yml:3:3: .*volume name/m);
  assert.match(text.stderr, /^dockform\.yml:5:5: .*drivr.*did you mean "driver"\?$/m);
  assert.match(text.stderr, /^ +5 \| +drivr: local\n +\| +\^{5}$/m);
  const json = await sandbox.dockform(["validate", "--json"]);
  assert.equal(json.code, 2);
  const { error } = JSON.parse(json.stdout);
  assert.equal(error.kind, "manifest");
  const places = error.problems.map(({ line, column, text: written }: Record<string, unknown>) => [
    line,
    column,
    written,
  ]);
  assert.deepEqual(places, [
    [3, 3, "web data"],
    [5, 5, "drivr"],
  ]);
});

test("a folder without a manifest is told from one with a manifest that is named and missing", async () => {
  await using sandbox = await Sandbox.create(NOBODY);
  const none = await sandbox.dockform(["validate", "--json"]);
  assertError(none, { exitCode: 2, message: /there is no manifest/, hint: /dockform init/ });
  const missing = await sandbox.dockform(["validate", "--json", "-m", "else.yml"]);
  assertError(missing, { exitCode: 2, message: /else\.yml does not exist/, hint: /--manifest/ });
});

test("a manifest is found by its folder, by -m and by -c", async () => {
  await using sandbox = await Sandbox.create(NOBODY);
  await mkdir(sandbox.path("sub"));
  await writeFile(sandbox.path("sub", "Dockform.yaml"), "identifier: one\n");
  await writeFile(sandbox.path("other.yml"), "identifier: two\n");
  const identifierBy = async (args: readonly string[], cwd = sandbox.folder): Promise<string> => {
    const { stdout, stderr } = await sandbox.dockform(["validate", "--json", ...args], { cwd });
    assert.equal(stderr, "");
    return JSON.parse(stdout).identifier;
  };
  assert.equal(await identifierBy([], sandbox.path("sub")), "one");
  assert.equal(await identifierBy(["-m", "sub"]), "one");
  assert.equal(await identifierBy(["--config", "sub/Dockform.yaml"]), "one");
  assert.equal(await identifierBy(["-c", "../other.yml"], sandbox.path("sub")), "two");
});

// --- plan ---

test(
  "plan tells what is to be created, is there, differs or is not declared any more",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(engine.host);
    const labels = { [LABEL]: sandbox.prefix };
    const kept = await sandbox.volume("kept", { labels });
    const foreign = await sandbox.volume("foreign");
    const options = await sandbox.volume("options", {
      labels: { ...labels, tier: "gold" },
      driverOpts: { type: "tmpfs", device: "tmpfs" },
    });
    const orphan = await sandbox.volume("orphan", { labels });
    await sandbox.volume("unrelated", { labels: { [LABEL]: `${sandbox.prefix}-other` } });
    const fresh = sandbox.name("new");
    await sandbox.manifest({
      identifier: sandbox.prefix,
      volumes: {
        [fresh]: {},
        [kept.name]: {},
        [foreign.name]: {},
        [options.name]: {
          driver: "nfs",
          driver_opts: { type: "tmpfs", device: "tmpfs", o: "size=1m" },
          labels: { tier: "scratch" },
        },
      },
      networks: { net: {} },
      stacks: { web: { root: "./web" } },
    });

    const text = await sandbox.dockform(["plan"]);
    assert.equal(text.code, 0, text.stderr);
    const line = (name: string): string =>
      text.stdout.split("\n").find((candidate) => candidate.includes(name)) ?? "";
    assert.match(line(fresh), /^ +\+ .*: create$/);
    assert.match(line(kept.name), /^ +[=] .*: exists$/);
    assert.match(line(foreign.name), /exists; made by something else/);
    assert.match(line(options.name), /differs, left alone: driver is "local", declared "nfs"/);
    assert.match(line(options.name), /option o is not set, declared "size=1m"/);
    assert.match(line(options.name), /label tier is "gold", declared "scratch"/);
    assert.match(line(orphan.name), /no longer declared, kept \(apply --prune/);
    assert.equal(line("unrelated"), "");
    assert.match(text.stdout, /^.*not managed.*: networks, stacks$/m);
    assert.match(
      text.stdout,
      /^1 volume to create, 2 in place, 1 that differ.*, 1 no longer declared\.$/m,
    );

    const { contexts, unmanagedSections } = JSON.parse(
      (await sandbox.dockform(["plan", "--json"])).stdout,
    );
    assert.deepEqual(unmanagedSections, ["networks", "stacks"]);
    const actions = contexts[0].volumes.map(
      ({ name, action }: Record<"name" | "action", string>) => [name, action],
    );
    assert.deepEqual(Object.fromEntries(actions), {
      [fresh]: "create",
      [kept.name]: "keep",
      [foreign.name]: "keep",
      [options.name]: "drift",
      [orphan.name]: "orphan",
    });
    assert.equal(await sandbox.volumeExists(fresh), false);
  },
);

test("plan, apply and destroy want an identifier", async () => {
  await using sandbox = await Sandbox.create(NOBODY);
  await sandbox.manifest("volumes: { data: {} }\n");
  for (const command of ["plan", "apply", "destroy"]) {
    const result = await sandbox.dockform([command, "--json"]);
    assertError(result, { exitCode: 2, message: /has no identifier/, hint: /identifier:/ });
  }
});

// --- apply ---

test(
  "apply creates what is missing as declared, and the second time changes nothing",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(engine.host);
    const [plain, special] = [sandbox.name("plain"), sandbox.name("special")];
    await sandbox.manifest({
      docker: { context: "default", identifier: sandbox.prefix },
      volumes: {
        [plain]: null,
        [special]: {
          driver: "local",
          driver_opts: { type: "tmpfs", device: "tmpfs", o: "size=1m" },
          labels: { tier: "scratch", count: 3 },
        },
      },
    });
    const first = await sandbox.dockform(["apply", "--json"]);
    assert.equal(first.code, 0, first.stderr);
    assert.deepEqual(JSON.parse(first.stdout), {
      created: [
        { context: "default", volume: plain },
        { context: "default", volume: special },
      ],
      removed: [],
    });
    const made = await volumes(sandbox, plain, special);
    assert.deepEqual(made[0]?.labels, { [LABEL]: sandbox.prefix });
    assert.deepEqual(made[0]?.driverOpts, {});
    assert.deepEqual(made[1]?.labels, { [LABEL]: sandbox.prefix, tier: "scratch", count: "3" });
    assert.deepEqual(made[1]?.driverOpts, { type: "tmpfs", device: "tmpfs", o: "size=1m" });

    const second = await sandbox.dockform(["apply", "--json"]);
    assert.equal(second.code, 0, second.stderr);
    assert.deepEqual(JSON.parse(second.stdout), { created: [], removed: [] });
    assert.deepEqual(await volumes(sandbox, plain, special), made);
  },
);

test(
  "apply leaves alone what differs from its declaration, and what is not declared any more",
  { skip: skipUnlessPrivate },
  async () => {
    await using sandbox = await Sandbox.create(engine.host);
    const labels = { [LABEL]: sandbox.prefix };
    const differs = await sandbox.volume("differs", { labels });
    const orphan = await sandbox.volume("orphan", { labels });
    await writeFiles(differs.folder, { file: "x" });
    const before = await volumes(sandbox, differs.name, orphan.name);
    await sandbox.manifest({
      identifier: sandbox.prefix,
      volumes: { [differs.name]: { labels: { tier: "gold" } } },
    });
    const apply = await sandbox.dockform(["apply"]);
    assert.equal(apply.code, 0, apply.stderr);
    assert.match(apply.stderr, /differs, left alone: label tier is not set, declared "gold"/);
    assert.match(apply.stderr, new RegExp(`${orphan.name}: no longer declared, kept`));
    assert.deepEqual(await volumes(sandbox, differs.name, orphan.name), before);
    assert.deepEqual(await readdir(differs.folder), ["file"]);
  },
);

test(
  "apply --prune snapshots a volume that is not declared any more, then removes it",
  { skip: skipUnlessPrivate },
  async () => {
    await using sandbox = await Sandbox.create(engine.host);
    const orphan = await sandbox.volume("orphan", { labels: { [LABEL]: sandbox.prefix } });
    const others = await sandbox.volume("others", {
      labels: { [LABEL]: `${sandbox.prefix}-other` },
    });
    await writeFiles(orphan.folder, { "folder/file": "precious" });
    await sandbox.declare(sandbox.name("kept"));
    const apply = await sandbox.dockform(["apply", "--prune", "--skip-confirmation", "--json"]);
    assert.equal(apply.code, 0, apply.stderr);
    assert.match(apply.stderr, new RegExp(`- ${orphan.name}: no longer declared, removed after`));
    const { removed } = JSON.parse(apply.stdout);
    assert.equal(removed.length, 1);
    assert.equal(removed[0].volume, orphan.name);
    assert.equal(await sandbox.volumeExists(orphan.name), false);
    assert.equal(await sandbox.volumeExists(others.name), true);

    const back = await sandbox.volume("back");
    const restore = ["volume", "restore", back.name, removed[0].snapshot, "--undeclared"];
    restore.push("--from-volume", orphan.name);
    assert.equal((await sandbox.dockform(restore)).code, 0);
    assert.equal(await readFile(join(back.folder, "folder/file"), "utf8"), "precious");
  },
);

test(
  "apply --prune keeps a volume of which no snapshot can be written",
  { skip: skipUnlessPrivate },
  async () => {
    await using sandbox = await Sandbox.create(engine.host);
    const orphan = await sandbox.volume("orphan", { labels: { [LABEL]: sandbox.prefix } });
    await writeFiles(orphan.folder, { file: "precious" });
    await sandbox.declare(sandbox.name("kept"));
    // Where the snapshots should go, there is a file.
    await writeFile(sandbox.path(".dockform"), "");
    const apply = await sandbox.dockform(["apply", "--prune", "--skip-confirmation", "--json"]);
    assertError(apply, { exitCode: 1, message: /cannot write/, hint: /./ });
    assert.equal(await readFile(join(orphan.folder, "file"), "utf8"), "precious");
  },
);

test("without a terminal to ask on, apply --prune changes nothing", { skip }, async () => {
  await using sandbox = await Sandbox.create(engine.host);
  const orphan = await sandbox.volume("orphan", { labels: { [LABEL]: sandbox.prefix } });
  const missing = sandbox.name("missing");
  await sandbox.declare(missing);
  const apply = await sandbox.dockform(["apply", "--prune", "--json"]);
  assertError(apply, { exitCode: 3, message: /no terminal/, hint: /--skip-confirmation/ });
  assert.equal(await sandbox.volumeExists(orphan.name), true);
  assert.equal(await sandbox.volumeExists(missing), false);
});

test(
  "on a terminal, apply --prune goes on after yes and stops after another word",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(engine.host);
    const orphan = await sandbox.volume("orphan", { labels: { [LABEL]: sandbox.prefix } });
    await sandbox.declare(sandbox.name("declared"));
    const prune = async (keys: string): Promise<number | null> => {
      const under = await onTerminal({ question: "Type yes to go on:", keys });
      return (await sandbox.dockform(["apply", "--prune"], { under })).code;
    };
    assert.equal(await prune("no\n"), 3);
    assert.equal(await prune("\n"), 3);
    assert.equal(await sandbox.volumeExists(orphan.name), true);
    assert.equal(await prune("yes\n"), 0);
    assert.equal(await sandbox.volumeExists(orphan.name), false);
  },
);

test(
  "apply --prune refuses a volume that a container uses, before it changes anything",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(engine.host);
    const labels = { [LABEL]: sandbox.prefix };
    const free = await sandbox.volume("a-free", { labels });
    const used = await sandbox.volume("b-used", { labels });
    const missing = sandbox.name("missing");
    const user = await sandbox.container("user", await sandbox.waiting(used.name));
    await sandbox.declare(missing);
    const apply = await sandbox.dockform(["apply", "--prune", "--skip-confirmation", "--json"]);
    const message = new RegExp(`using volume "${used.name}": ${user.name}`);
    assertError(apply, { exitCode: 3, message, hint: /./ });
    assert.equal(await sandbox.volumeExists(free.name), true);
    assert.equal(await sandbox.volumeExists(missing), false);
  },
);

// --- destroy ---

/** Two volumes of the manifest with a file each, and one that is nobody's. */
async function destroyable(
  sandbox: Sandbox,
): Promise<{ readonly ours: readonly TestVolume[]; readonly foreign: TestVolume }> {
  const labels = { [LABEL]: sandbox.prefix };
  const declared = await sandbox.volume("declared", { labels });
  const orphan = await sandbox.volume("orphan", { labels });
  const foreign = await sandbox.volume("foreign");
  for (const { folder } of [declared, orphan, foreign]) await writeFiles(folder, { file: "x" });
  await sandbox.declare(declared.name, foreign.name);
  return { ours: [declared, orphan], foreign };
}

async function whichExist(sandbox: Sandbox, all: readonly TestVolume[]): Promise<boolean[]> {
  return Promise.all(all.map(({ name }) => sandbox.volumeExists(name)));
}

test(
  "destroy asks for the identifier, snapshots and removes what has the label, and nothing else",
  { skip: skipUnlessPrivate },
  async () => {
    await using sandbox = await Sandbox.create(engine.host);
    const { ours, foreign } = await destroyable(sandbox);
    const keys = `${sandbox.prefix}\n`;
    const under = await onTerminal({ question: `(${sandbox.prefix}) to go on:`, keys });
    const destroy = await sandbox.dockform(["destroy"], { under });
    assert.equal(destroy.code, 0, destroy.stdout);
    assert.match(destroy.stdout, /Removed 2 volumes\./);
    assert.deepEqual(await whichExist(sandbox, [...ours, foreign]), [false, false, true]);
    for (const { name } of ours) {
      const files = await readdir(sandbox.path(".dockform", "snapshots", name));
      assert.deepEqual(
        files.map((file) => file.replace(/^.*\.(json|tar\.zst)$/, "$1")).toSorted(),
        ["json", "tar.zst"],
      );
    }
  },
);

for (const [what, keys, code] of [
  ["another word", "yes\n", 3],
  ["Ctrl-D", CTRL_D, 3],
  ["Ctrl-C", CTRL_C, 130],
] as const) {
  test(`destroy does nothing when the answer is ${what}`, { skip: skipUnlessPrivate }, async () => {
    await using sandbox = await Sandbox.create(engine.host);
    const { ours } = await destroyable(sandbox);
    const under = await onTerminal({ question: "to go on:", keys });
    const destroy = await sandbox.dockform(["destroy"], { under });
    assert.doesNotMatch(destroy.stdout, /unexpected|defect/);
    assert.equal(destroy.code, code, destroy.stdout);
    assert.deepEqual(await whichExist(sandbox, ours), [true, true]);
  });
}

test("destroy --no-snapshot removes without one", { skip: skipUnlessPrivate }, async () => {
  await using sandbox = await Sandbox.create(engine.host);
  const { ours } = await destroyable(sandbox);
  const args = ["destroy", "--no-snapshot", "--skip-confirmation", "--json"];
  const destroy = await sandbox.dockform(args);
  assert.equal(destroy.code, 0, destroy.stderr);
  assert.deepEqual(
    JSON.parse(destroy.stdout).removed.map((one: Record<string, unknown>) => one["snapshot"]),
    [null, null],
  );
  assert.deepEqual(await whichExist(sandbox, ours), [false, false]);
  assert.ok(!(await readdir(sandbox.folder)).includes(".dockform"));
});

test(
  "destroy refuses while a container uses one of the volumes, before it removes any",
  { skip: skipUnlessPrivate },
  async () => {
    await using sandbox = await Sandbox.create(engine.host);
    const { ours } = await destroyable(sandbox);
    const [, last] = ours;
    const user = await sandbox.running("user", await sandbox.waiting(last?.name ?? ""));
    const destroy = await sandbox.dockform(["destroy", "--skip-confirmation", "--json"]);
    assertError(destroy, {
      exitCode: 3,
      message: new RegExp(user.name),
      hint: /No volume was removed/,
    });
    assert.deepEqual(await whichExist(sandbox, ours), [true, true]);
  },
);

test(
  "destroy without a terminal wants --skip-confirmation",
  { skip: skipUnlessPrivate },
  async () => {
    await using sandbox = await Sandbox.create(engine.host);
    const { ours } = await destroyable(sandbox);
    for (const more of [[], ["--no-snapshot"]]) {
      const destroy = await sandbox.dockform(["destroy", "--json", ...more]);
      assertError(destroy, { exitCode: 3, message: /no terminal/, hint: /--skip-confirmation/ });
    }
    assert.deepEqual(await whichExist(sandbox, ours), [true, true]);
  },
);

test(
  "destroy keeps the volumes when a snapshot cannot be written",
  { skip: skipUnlessPrivate },
  async () => {
    await using sandbox = await Sandbox.create(engine.host);
    const { ours } = await destroyable(sandbox);
    await writeFile(sandbox.path(".dockform"), "");
    const destroy = await sandbox.dockform(["destroy", "--skip-confirmation", "--json"]);
    assertError(destroy, { exitCode: 1, message: /cannot write/, hint: /./ });
    assert.deepEqual(await whichExist(sandbox, ours), [true, true]);
  },
);

test("destroy has nothing to ask where no volume has the label", { skip }, async () => {
  await using sandbox = await Sandbox.create(engine.host);
  const foreign = await sandbox.volume("foreign");
  await sandbox.declare(foreign.name);
  const destroy = await sandbox.dockform(["destroy"]);
  assert.equal(destroy.code, 0, destroy.stderr);
  assert.equal(destroy.stdout, `There are no volumes labelled ${sandbox.prefix}.\n`);
  assert.equal(await sandbox.volumeExists(foreign.name), true);
});

// --- contexts, variables, other sections ---

test(
  "a manifest of two engines is applied to both, and their snapshots are kept apart",
  { skip: skipUnlessPrivate },
  async () => {
    await using other = await startPrivateEngine();
    await using sandbox = await Sandbox.create(engine.host);
    const client = new EngineClient({ context: "second", host: other.host });
    const [shared, single] = [sandbox.name("shared"), sandbox.name("single")];
    await sandbox.manifest({
      identifier: sandbox.prefix,
      contexts: {
        default: { volumes: { [shared]: {} } },
        second: { host: other.host, volumes: { [shared]: {}, [single]: {} } },
      },
    });
    const apply = await sandbox.dockform(["apply"]);
    assert.equal(apply.code, 0, apply.stderr);
    const onOther = (await listVolumes(client)).map(({ name }) => name);
    client.close();
    assert.deepEqual(onOther.toSorted(), [shared, single]);
    assert.equal(await sandbox.volumeExists(shared), true);
    assert.equal(await sandbox.volumeExists(single), false);

    await writeFiles(join(other.dataRoot, "volumes", single, "_data"), { file: "from the second" });
    const ambiguous = await sandbox.dockform(["volume", "snapshot", shared, "--json"]);
    assertError(ambiguous, { exitCode: 2, message: /several contexts/, hint: /second\// });
    // Only one context declares it, so it needs no prefix.
    const snapshot = await sandbox.snapshot(single);
    const folder = sandbox.path(".dockform", "snapshots", "second", single);
    assert.equal(join(snapshot.archive, ".."), folder);
    const restore = ["volume", "restore", `second/${shared}`, snapshot.archive];
    restore.push("--from-volume", single);
    assert.equal((await sandbox.dockform(restore)).code, 0);
    const restored = join(other.dataRoot, "volumes", shared, "_data", "file");
    assert.equal(await readFile(restored, "utf8"), "from the second");

    const chosen = await sandbox.dockform(["plan", "--context", "second", "--json"]);
    const { contexts } = JSON.parse(chosen.stdout);
    assert.deepEqual(
      contexts.map(({ context }: Record<string, unknown>) => context),
      ["second"],
    );
    const unknown = await sandbox.dockform(["plan", "--context", "sekond", "--json"]);
    assertError(unknown, { exitCode: 2, message: /no context "sekond"/, hint: /second/ });
  },
);

test(
  "one engine that cannot be reached keeps apply from changing the other",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(engine.host);
    const data = sandbox.name("data");
    await sandbox.manifest({
      identifier: sandbox.prefix,
      contexts: {
        default: { volumes: { [data]: {} } },
        second: { host: NOBODY, volumes: { [data]: {} } },
      },
    });
    const apply = await sandbox.dockform(["apply", "--json"]);
    assertError(apply, { exitCode: 5, message: /context "second"/, hint: /./ });
    assert.equal(await sandbox.volumeExists(data), false);
  },
);

test("a context of the docker CLI's own store is used by its name", { skip }, async () => {
  await using sandbox = await Sandbox.create(engine.host);
  const data = sandbox.name("data");
  await symlink(engine.host.replace("unix://", ""), sandbox.path("engine.sock"));
  const env = await storeContext(sandbox, "workshop", `unix://${sandbox.path("engine.sock")}`);
  await sandbox.manifest({
    docker: { context: "workshop", identifier: sandbox.prefix },
    volumes: { [data]: {} },
  });
  // DOCKER_HOST decides about "default" only.
  const apply = await sandbox.dockform(["apply", "--json"], {
    env: { ...env, DOCKER_HOST: NOBODY },
  });
  assert.equal(apply.code, 0, apply.stderr);
  assert.deepEqual(JSON.parse(apply.stdout).created, [{ context: "workshop", volume: data }]);
  assert.equal(await sandbox.volumeExists(data), true);
});

test("the volume a fileset writes to counts as declared", { skip }, async () => {
  await using sandbox = await Sandbox.create(engine.host);
  const target = sandbox.name("target");
  await sandbox.manifest({
    identifier: sandbox.prefix,
    filesets: { site: { source: "./site", target_volume: target, target_path: "/srv" } },
  });
  const apply = await sandbox.dockform(["apply"]);
  assert.equal(apply.code, 0, apply.stderr);
  assert.match(apply.stderr, /not managed.*: filesets/);
  const [volume] = await volumes(sandbox, target);
  assert.deepEqual(volume?.labels, { [LABEL]: sandbox.prefix });
  const { archive } = await sandbox.snapshot(target);
  const restore = await sandbox.dockform(["volume", "restore", target, archive]);
  assert.equal(restore.code, 0, restore.stderr);
});

test(
  "variables come from the environment; one that is not set is named in a warning",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(engine.host);
    const data = sandbox.name("data");
    await sandbox.manifest(`identifier: \${PROJECT}
volumes:
  ${data}: { labels: { owner: "\${OWNER}", none: "\${NOT_SET}" } }
`);
    const env = { PROJECT: sandbox.prefix, OWNER: "me" };
    const apply = await sandbox.dockform(["apply"], { env });
    assert.equal(apply.code, 0, apply.stderr);
    assert.match(apply.stderr, /^warning: dockform\.yml:3:\d+: the variable NOT_SET is not set/m);
    assert.equal(apply.stderr.match(/is not set;/g)?.length, 1);
    const [volume] = await volumes(sandbox, data);
    assert.deepEqual(volume?.labels, { [LABEL]: sandbox.prefix, owner: "me", none: "" });
    const again = await sandbox.dockform(["plan"], { env });
    assert.match(again.stdout, /: exists$/m);
  },
);

/** A context in a store as the docker CLI keeps it; returns the environment that leads to it. */
async function storeContext(
  sandbox: Sandbox,
  name: string,
  host: string,
): Promise<Readonly<Record<string, string>>> {
  const folder = sandbox.path("docker");
  const digest = createHash("sha256").update(name).digest("hex");
  const meta = { Name: name, Metadata: {}, Endpoints: { docker: { Host: host } } };
  await writeFiles(join(folder, "contexts", "meta", digest), { "meta.json": JSON.stringify(meta) });
  return { DOCKER_CONFIG: folder };
}

/** Everything the engine says of volumes. */
function volumes(
  sandbox: Sandbox,
  ...names: readonly string[]
): Promise<readonly (EngineVolume | undefined)[]> {
  return Promise.all(names.map((name) => inspectVolume(sandbox.engine, name)));
}
