import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { test } from "node:test";
import { createVolume, removeVolume } from "../../../src/engine/volumes.ts";
import { testEngine } from "../../engine/test-engine.ts";
import { assertError, writeFiles } from "../archives.ts";
import { Sandbox } from "../harness.ts";

const engine = await testEngine();
const { skip } = engine;
const LABEL = "io.dockform.identifier";
const NOBODY = "unix:///no/engine/listens/here.sock";

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
    store: sandbox.path(".dockform/snapshots"),
    contexts: [
      { context: "default", name: "default", host: null, volumes: ["web_data", "cache"] },
      { context: "far", name: "far", host: "ssh://me@host", volumes: ["far_data"] },
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
