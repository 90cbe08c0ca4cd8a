import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile, symlink } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { EngineClient } from "../../../src/engine/client.ts";
import { inspectVolume, listVolumes } from "../../../src/engine/volumes.ts";
import { startPrivateEngine } from "../../engine/private-engine.ts";
import { testEngine } from "../../engine/test-engine.ts";
import { assertError, writeFiles } from "../archives.ts";
import { Sandbox } from "../harness.ts";

const engine = await testEngine();
const { skip, skipUnlessPrivate } = engine;
const LABEL = "io.dockform.identifier";
const NOBODY = "unix:///no/engine/listens/here.sock";

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
  "one engine that cannot be reached stops none of the others, and is told",
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
    assert.equal(apply.code, 5, apply.stderr);
    const { created, failed_contexts: failed } = JSON.parse(apply.stdout);
    assert.deepEqual(created, [{ context: "default", volume: data }]);
    assert.equal(failed[0].context, "second");
    assert.equal(failed[0].error.code, "engine.unreachable");
    assert.match(apply.stderr, /1 of 2 contexts failed: second/);
    for (const command of [["volume", "list"], ["plan"]]) {
      const result = await sandbox.dockform([...command, "--json"]);
      assert.equal(result.code, 5, result.stderr);
      const document = JSON.parse(result.stdout);
      assert.equal(document.failed_contexts[0].context, "second");
      assert.match(result.stdout, new RegExp(data));
    }
    const prune = await sandbox.dockform(["apply", "--prune", "--skip-confirmation", "--json"]);
    assertError(prune, { exitCode: 5, message: /context "second"/, hint: /./ });
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
  const volume = await inspectVolume(sandbox.engine, target);
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
    const volume = await inspectVolume(sandbox.engine, data);
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
