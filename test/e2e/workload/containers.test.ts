import assert from "node:assert/strict";
import { mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import {
  inspectContainer,
  pauseContainer,
  removeContainer,
  startContainer,
  stopContainer,
} from "../../../src/engine/containers.ts";
import { testEngine } from "../../engine/test-engine.ts";
import { attempt, run } from "../../oracle/host.ts";
import { assertError, packFiles, writeFiles } from "../archives.ts";
import { EngineProxy } from "../engine-proxy.ts";
import { assertUntouched } from "../evidence.ts";
import { Sandbox } from "../harness.ts";
import { until, type CliResult } from "../cli-process.ts";
import type { TestVolume } from "../engine-objects.ts";
import { UNSUSPECTING } from "../flawed-helper.ts";

const { host, skip, skipUnlessPrivate } = await testEngine();

/** Gives a test the time to act between a container's stop and the swap. */
const SLOW_TO_STOP = { StopSignal: "SIGTERM", StopTimeout: 3 };

interface Setting {
  readonly sandbox: Sandbox;
  readonly into: TestVolume;
  readonly archive: string;
}

/** A declared volume with old data, and a snapshot to restore. */
async function setUp(sandbox: Sandbox): Promise<Setting> {
  const into = await sandbox.volume("into");
  await writeFiles(into.folder, { "old/file": "old", other: "old" });
  await sandbox.declare(into.name);
  return { sandbox, into, archive: await packFiles(sandbox.folder, { file: "new" }) };
}

function restoreArgs({ into, archive }: Setting): readonly string[] {
  const flags = ["--force", "--stop-containers", "--health-timeout", "0", "--json"];
  return ["volume", "restore", into.name, archive, ...flags];
}

async function assertRestored({ into }: Setting): Promise<void> {
  assert.equal(await readFile(join(into.folder, "file"), "utf8"), "new");
  assert.deepEqual((await run("ls", ["-A", into.folder])).toString(), "file\n");
}

function outcomesIn({ stdout }: CliResult): Readonly<Record<string, string>> {
  const report: { containers: { name: string; outcome: string }[] } = JSON.parse(stdout);
  return Object.fromEntries(report.containers.map(({ name, outcome }) => [name, outcome]));
}

async function startedAt(sandbox: Sandbox, id: string): Promise<string> {
  return (await inspectContainer(sandbox.engine, id)).State.StartedAt;
}

test("containers that use the volume are named with their state", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const setting = await setUp(sandbox);
  const { into, archive } = setting;
  const definition = await sandbox.waiting(into.name);
  const running = await sandbox.running(
    "running",
    await sandbox.waiting(into.name, {
      Labels: { "com.docker.compose.project": "shop", "com.docker.compose.service": "db" },
    }),
  );
  const paused = await sandbox.running("paused", definition);
  await pauseContainer(sandbox.engine, paused.id);
  const exited = await sandbox.running("exited", definition);
  await stopContainer(sandbox.engine, exited.id);
  const created = await sandbox.container("created", definition);
  const readOnly = await sandbox.running(
    "read-only",
    await sandbox.waiting(into.name, {
      hostConfig: {
        Mounts: [{ Type: "volume", Source: into.name, Target: "/data", ReadOnly: true }],
      },
    }),
  );
  const other = await sandbox.volume("other");
  const stranger = await sandbox.running("stranger", await sandbox.waiting(other.name));
  const ids = [running, paused, exited, created, readOnly, stranger].map(({ id }) => id);
  const before = await sandbox.evidence(into.folder, ids);

  const result = await sandbox.dockform([
    "volume",
    "restore",
    into.name,
    archive,
    "--force",
    "--json",
  ]);
  assertError(result, {
    exitCode: 3,
    message: /^containers are using volume/,
    hint: /--stop-containers/,
  });
  for (const text of [
    `${running.name} (service db of shop), running`,
    `${paused.name}, paused`,
    `${exited.name}, exited`,
    `${created.name}, created`,
    `${readOnly.name}, running`,
  ]) {
    assert.ok(result.stderr.includes(text), `${text} is not named in: ${result.stderr}`);
  }
  assert.equal(result.stderr.includes(stranger.name), false);
  assertUntouched(before, await sandbox.evidence(into.folder, ids));
  assert.deepEqual(await sandbox.leftBehind(), []);
});

test("only what ran is stopped, and exactly that runs again", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const setting = await setUp(sandbox);
  const definition = await sandbox.waiting(setting.into.name);
  const running = await sandbox.running("running", definition);
  const paused = await sandbox.running("paused", definition);
  await pauseContainer(sandbox.engine, paused.id);
  const exited = await sandbox.running("exited", definition);
  await stopContainer(sandbox.engine, exited.id);
  const created = await sandbox.container("created", definition);
  const always = await sandbox.running(
    "always",
    await sandbox.waiting(setting.into.name, {
      hostConfig: {
        RestartPolicy: { Name: "always" },
        Mounts: [{ Type: "volume", Source: setting.into.name, Target: "/data" }],
      },
    }),
  );
  const all = { running, paused, exited, created, always };
  const states = async (): Promise<Readonly<Record<string, string>>> =>
    Object.fromEntries(
      await Promise.all(
        Object.entries(all).map(async ([key, { id }]) => [key, await sandbox.state(id)]),
      ),
    );
  const before = await states();
  const times = async (): Promise<readonly string[]> =>
    Promise.all(Object.values(all).map(({ id }) => startedAt(sandbox, id)));
  const timesBefore = await times();

  const result = await sandbox.dockform(restoreArgs(setting));
  assert.equal(result.code, 0, result.stderr);
  await assertRestored(setting);
  assert.deepEqual(outcomesIn(result), {
    [running.name]: "started",
    [paused.name]: "started",
    [always.name]: "started",
  });
  assert.deepEqual(await states(), before);
  const timesAfter = await times();
  assert.deepEqual(
    timesAfter.map((time, i) => time !== timesBefore[i]),
    [true, true, false, false, true],
    "running, paused and always were started again, exited and created were not",
  );
  assert.deepEqual(await sandbox.leftBehind(), []);
});

test("a container that ends while its restart policy is set is asked again", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const setting = await setUp(sandbox);
  const policy = { Name: "on-failure", MaximumRetryCount: 3 };
  const { id } = await sandbox.running(
    "restarting",
    await sandbox.waiting(setting.into.name, {
      hostConfig: {
        RestartPolicy: policy,
        Mounts: [{ Type: "volume", Source: setting.into.name, Target: "/data" }],
      },
    }),
  );
  await using proxy = await EngineProxy.open(host, sandbox.path("proxy.sock"));
  const update = { method: "POST", path: `/containers/${id}/update` };
  // To hold it, and to give it back.
  proxy.failing.push(update, update);
  const result = await sandbox.dockform(restoreArgs(setting), { env: { DOCKER_HOST: proxy.host } });
  assert.equal(result.code, 0, result.stderr);
  await assertRestored(setting);
  assert.deepEqual(proxy.failing, []);
  assert.equal(await sandbox.state(id), "running");
  assert.deepEqual((await inspectContainer(sandbox.engine, id)).HostConfig.RestartPolicy, policy);
  assert.deepEqual(await sandbox.leftBehind(), []);
});

test(
  "containers run again when the swap fails, on the old data",
  { skip: skipUnlessPrivate },
  async () => {
    await using sandbox = await Sandbox.create(host);
    const setting = await setUp(sandbox);
    const { into } = setting;
    const definition = await sandbox.waiting(into.name);
    const running = await sandbox.running("running", definition);
    const paused = await sandbox.running("paused", definition);
    await pauseContainer(sandbox.engine, paused.id);
    const exited = await sandbox.running("exited", definition);
    await stopContainer(sandbox.engine, exited.id);
    // Not even root can rename what is immutable.
    await run("chattr", ["+i", join(into.folder, "other")]);
    try {
      const before = await sandbox.evidence(into.folder);
      const stopped = await startedAt(sandbox, running.id);
      const main = await sandbox.flawed(UNSUSPECTING);
      const result = await sandbox.dockform(restoreArgs(setting), { main });
      assertError(result, {
        exitCode: 1,
        message: /^the new contents could not be put in place: .*other/,
        hint: "The old contents are in place, complete.",
      });
      assertUntouched(before, await sandbox.evidence(into.folder));
      assert.equal(await sandbox.state(running.id), "running");
      assert.notEqual(await startedAt(sandbox, running.id), stopped, "it was stopped in between");
      assert.equal(await sandbox.state(paused.id), "paused");
      assert.equal(await sandbox.state(exited.id), "exited");
    } finally {
      await attempt("chattr", ["-i", join(into.folder, "other")]);
    }
    assert.deepEqual(await sandbox.leftBehind(), []);
  },
);

test(
  "a container that is started while others are stopped ends the restore",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(host);
    const setting = await setUp(sandbox);
    const { into } = setting;
    const slow = await sandbox.running("slow", await sandbox.waiting(into.name, SLOW_TO_STOP));
    const late = await sandbox.container("late", await sandbox.waiting(into.name));
    const before = await sandbox.evidence(into.folder);
    const restore = sandbox.start(restoreArgs(setting));
    await restore.said(`Stopping ${slow.name}`);
    await startContainer(sandbox.engine, late.id);
    assertError(await restore.ended, {
      exitCode: 1,
      message: new RegExp(`${late.name} began to use volume "${into.name}" during the restore`),
      hint: /old contents are in place/,
    });
    assertUntouched(before, await sandbox.evidence(into.folder));
    assert.equal(await sandbox.state(slow.id), "running");
    assert.equal(await sandbox.state(late.id), "running");
    assert.deepEqual(await sandbox.leftBehind(), []);
  },
);

test("a container that would be removed by its stop is refused", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const setting = await setUp(sandbox);
  const { into } = setting;
  const other = await sandbox.running("other", await sandbox.waiting(into.name));
  const fleeting = await sandbox.running(
    "fleeting",
    await sandbox.waiting(into.name, {
      hostConfig: {
        AutoRemove: true,
        Mounts: [{ Type: "volume", Source: into.name, Target: "/data" }],
      },
    }),
  );
  const before = await sandbox.evidence(into.folder, [other.id, fleeting.id]);
  assertError(await sandbox.dockform(restoreArgs(setting)), {
    exitCode: 3,
    message: `${fleeting.name} cannot be stopped and started again: it was run with --rm, so stopping removes it`,
    hint: /Nothing was touched/,
  });
  assertUntouched(before, await sandbox.evidence(into.folder, [other.id, fleeting.id]));
});

test("a container removed meanwhile is told and does not stop the rest", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const setting = await setUp(sandbox);
  const { into } = setting;
  const gone = await sandbox.running("gone", await sandbox.waiting(into.name));
  const labels = { "com.docker.compose.project": "shop", "com.docker.compose.service": "db" };
  const ofService = await sandbox.waiting(into.name, { Labels: labels });
  const replaced = await sandbox.running("replaced", ofService);
  const slow = await sandbox.running("slow", await sandbox.waiting(into.name, SLOW_TO_STOP));
  const restore = sandbox.start(restoreArgs(setting));
  await restore.said(`Stopping ${slow.name}`);
  for (const { id } of [gone, replaced]) {
    await until("it is stopped", async () => (await sandbox.state(id)) === "exited");
    await removeContainer(sandbox.engine, id);
  }
  const successor = await sandbox.container("successor", ofService);
  const result = await restore.ended;
  assert.equal(result.code, 0, result.stderr);
  await assertRestored(setting);
  assert.equal(await sandbox.state(slow.id), "running");
  const service = `${replaced.name} (service db of shop)`;
  assert.deepEqual(outcomesIn(result), {
    [gone.name]: "gone",
    [service]: "gone",
    [slow.name]: "started",
  });
  const warnings = [
    `warning: ${gone.name} does not run: it was removed in the meantime`,
    `warning: ${service} does not run: it was recreated as ${successor.name}, which was left alone`,
  ];
  for (const warning of warnings) assert.ok(result.stderr.includes(warning), result.stderr);
  assert.equal(await sandbox.state(successor.id), "created");
});

test(
  "a container that does not start again is a failure, and the others run",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(host);
    const setting = await setUp(sandbox);
    const { into } = setting;
    const bound = sandbox.path("bound");
    await mkdir(bound);
    const broken = await sandbox.running(
      "broken",
      await sandbox.waiting(into.name, {
        hostConfig: {
          Mounts: [
            { Type: "volume", Source: into.name, Target: "/data" },
            { Type: "bind", Source: bound, Target: "/bound" },
          ],
        },
      }),
    );
    const others = [
      await sandbox.running("other-1", await sandbox.waiting(into.name)),
      await sandbox.running("other-2", await sandbox.waiting(into.name)),
    ];
    // It runs on without the folder, but the engine does not start it without.
    await rm(bound, { recursive: true });
    const result = await sandbox.dockform(restoreArgs(setting));
    assert.equal(result.code, 1, result.stderr);
    await assertRestored(setting);
    assert.match(result.stderr, new RegExp(`warning: ${broken.name} does not run: .*bind`));
    const failure = `error: volume "${into.name}" was restored, but ${broken.name} did not start`;
    assert.ok(result.stderr.includes(failure), result.stderr);
    for (const { id } of others) assert.equal(await sandbox.state(id), "running");
    assert.equal(outcomesIn(result)[broken.name], "failed");
  },
);

test(
  "a container that binds the volume's folder, or one inside, is recognised",
  { skip: skipUnlessPrivate },
  async () => {
    await using sandbox = await Sandbox.create(host);
    const setting = await setUp(sandbox);
    const { into, archive } = setting;
    const binding = async (suffix: string, folder: string): Promise<{ id: string; name: string }> =>
      sandbox.running(
        suffix,
        await sandbox.waiting(into.name, {
          hostConfig: { Mounts: [{ Type: "bind", Source: folder, Target: "/bound" }] },
        }),
      );
    const whole = await binding("whole", into.folder);
    const part = await binding("part", join(into.folder, "old"));
    const beside = await sandbox.volume("into-other");
    await binding("beside", beside.folder);
    const args = ["volume", "restore", into.name, archive, "--force", "--json"];
    const { stdout } = await sandbox.dockform(args);
    const { error }: { error: { containers: string[] } } = JSON.parse(stdout);
    assert.deepEqual(error.containers.toSorted(), [part.name, whole.name]);
  },
);
