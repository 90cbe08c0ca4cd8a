import assert from "node:assert/strict";
import { mkdir, readdir, rm, truncate, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { test } from "node:test";
import {
  inspectContainer,
  listContainers,
  startContainer,
} from "../../../src/engine/containers.ts";
import { listNetworks } from "../../../src/engine/networks.ts";
import { listVolumes } from "../../../src/engine/volumes.ts";
import { testEngine } from "../../engine/test-engine.ts";
import { EngineApi } from "../../images/engine-api.ts";
import { cannotUnpackPackages } from "../../images/packages.ts";
import { importPostgres, POSTGRES_DATA } from "../../images/postgres.ts";
import { importRedis, REDIS_DATA } from "../../images/redis.ts";
import { makeOddTree, removeTree } from "../../oracle/tree.ts";
import { assertError, readJson, writeFiles } from "../archives.ts";
import { assertUntouched } from "../evidence.ts";
import { Sandbox } from "../harness.ts";
import { until, type CliResult } from "../cli-process.ts";

const engine = await testEngine();
const { host, skipUnlessPrivate } = engine;
const noImages = skipUnlessPrivate || cannotUnpackPackages();
const LABEL = "io.dockform.throwaway";
const READY_TIMEOUT_MS = 60_000;

/** What carries the label of throw-away volumes, and is of this test. */
async function leftovers(sandbox: Sandbox, of: string): Promise<readonly string[]> {
  const all = await Promise.all([
    listContainers(sandbox.engine, { filters: { label: [LABEL] } }),
    listVolumes(sandbox.engine),
    listNetworks(sandbox.engine, LABEL),
  ]);
  return all.flatMap((list) =>
    list.flatMap(({ labels }) => (labels[`${LABEL}.of`] === of ? [labels[LABEL] ?? ""] : [])),
  );
}

function drill(sandbox: Sandbox, archive: string, ...args: readonly string[]): Promise<CliResult> {
  return sandbox.dockform(["snapshot", "drill", archive, ...args]);
}

test(
  "a drill proves a snapshot of a running PostgreSQL, and not a broken one",
  { skip: noImages },
  async () => {
    await using image = await importPostgres(host);
    await using sandbox = await Sandbox.create(host);
    const { name, folder } = await sandbox.volume("db");
    const server = await sandbox.running("server", {
      Image: image.reference,
      Healthcheck: { Test: ["CMD", "pg_isready", "-U", "postgres"], Interval: 1e9, Retries: 60 },
      HostConfig: {
        NetworkMode: "none",
        Mounts: [{ Type: "volume", Source: name, Target: POSTGRES_DATA }],
      },
    });
    await until("PostgreSQL is there", async () => {
      const { State } = await inspectContainer(sandbox.engine, server.id);
      return State.Health?.Status === "healthy";
    });
    const good = await sandbox.snapshot(name);
    const before = await sandbox.evidence(sandbox.folder, [server.id]);

    const result = await drill(sandbox, good.archive, "--json");
    assert.equal(result.code, 0, result.stderr);
    const report = JSON.parse(result.stdout);
    assert.equal(report.proven_by, `a copy of ${server.name} (${image.reference}): it is healthy`);
    const sidecar = await readJson(good.sidecarPath);
    assert.deepEqual(
      { ...good.sidecar, proven_at: report.proven_at, proven_by: report.proven_by },
      sidecar,
    );
    assert.deepEqual(
      (await sandbox.evidence(sandbox.folder, [server.id])).containers,
      before.containers,
    );
    assert.deepEqual(await leftovers(sandbox, name), []);

    await sandbox.engine.json("POST", `/containers/${server.id}/stop`);
    await truncate(join(folder, "global/pg_control"), 100);
    const broken = await sandbox.snapshot(name);
    const failed = await drill(sandbox, broken.archive, "--container", server.name, "--json");
    assertError(failed, {
      exitCode: 1,
      message: /the drill of .* failed: it ended with code/,
      hint: /output/,
    });
    assert.match(failed.stderr, /\| .*(PANIC|FATAL)/);
    assert.equal((await readJson(broken.sidecarPath))["proven_at"], undefined);
    assert.deepEqual(await leftovers(sandbox, name), []);
  },
);

test("a drill asks a Redis that it started for what is in it", { skip: noImages }, async () => {
  await using image = await importRedis(host);
  await using sandbox = await Sandbox.create(host);
  const { name, folder } = await sandbox.volume("redis");
  await using server = await new EngineApi(host).container({
    image: image.reference,
    mounts: { [name]: REDIS_DATA },
  });
  await server.execUntilSuccess(["redis-cli", "set", "answer", "42"], READY_TIMEOUT_MS);
  await server.exec(["redis-cli", "bgrewriteaof"]);
  await server.stop();
  const { archive } = await sandbox.snapshot(name);
  // Nobody answers where packets would go out, neither another host nor the engine's own.
  const question = `while read -r _ to by _; do [ $to = 00000000 ] && way=$by; done < /proc/net/route
    b=\${way%??} c=\${way%????} d=\${way%??????}
    out=$((0x\${way#??????})).$((0x\${b#????})).$((0x\${c#??})).$((0x$d))
    case $(redis-cli -h $out ping 2>&1) in *"No route to host"*) ;; *) exit 9 ;; esac
    redis-server --dir ${REDIS_DATA} --appendonly yes --daemonize yes
    for i in 1 2 3 4 5 6 7 8 9; do redis-cli ping && break; done
    answer=$(redis-cli get answer); echo "it says $answer"; [ "$answer" = 42 ]`;
  const asked = ["--image", image.reference, "--command", question];
  const result = await drill(sandbox, name, ...asked);
  assert.equal(result.code, 0, result.stderr);
  assert.match(result.stdout, /^Proven: \.dockform\/snapshots\/.*\n.*: it ended with code 0$/m);

  for (const file of await readdir(join(folder, "appendonlydir"))) {
    await truncate(join(folder, "appendonlydir", file), 3);
  }
  await sandbox.snapshot(name);
  const failed = await drill(sandbox, `${name}@latest`, ...asked);
  assert.equal(failed.code, 1, failed.stderr);
  assert.deepEqual(await leftovers(sandbox, name), []);

  const status = await sandbox.dockform(["snapshot", "drill", archive, "--image", image.reference]);
  assert.equal(status.code, 2);
});

test(
  "the copy of a container can do nothing to anything outside",
  { skip: skipUnlessPrivate },
  async () => {
    await using sandbox = await Sandbox.create(host);
    const [data, other, shared] = [
      await sandbox.volume("data"),
      await sandbox.volume("other"),
      await sandbox.volume("shared"),
    ];
    const [config, doors] = [sandbox.path("config"), sandbox.path("doors")];
    await mkdir(config);
    await mkdir(doors);
    await using door = await listening(join(doors, "socket"));
    await writeFiles(data.folder, { drill: "yes" });
    await writeFiles(other.folder, { "of/others": "here" });
    await writeFiles(shared.folder, { certificate: "here" });
    await writeFile(join(config, "settings"), "here");
    const report = `[ -e /data/drill ] || { read line; exit; }
    echo written > /data/drill && echo "data: writable"
    for each in other shared config doors run; do
      echo $each: $(cd /$each && find .)
      echo x > /$each/written || echo "$each: not writable"
    done 2>/dev/null
    awk '/^CapEff|^NoNewPrivs/' /proc/self/status
    echo "env: $SECRET in $PWD as $(cat /proc/sys/kernel/hostname)"
    exit 7`;
    const original = await sandbox.container("app", {
      ...(await sandbox.waiting(data.name)),
      Cmd: [report],
      Env: ["SECRET=xyz"],
      WorkingDir: "/data",
      Hostname: "the-app",
      ExposedPorts: { "80/tcp": {} },
      Labels: { "com.docker.compose.project": "home" },
      HostConfig: {
        PidMode: "host",
        CapAdd: ["NET_ADMIN"],
        PortBindings: { "80/tcp": [{ HostPort: "54329" }] },
        RestartPolicy: { Name: "always" },
        Mounts: [
          { Type: "volume", Source: data.name, Target: "/data" },
          { Type: "volume", Source: other.name, Target: "/other" },
          { Type: "volume", Source: shared.name, Target: "/shared", ReadOnly: true },
          { Type: "bind", Source: config, Target: "/config" },
          { Type: "bind", Source: dirname(door.path), Target: "/doors", ReadOnly: true },
          { Type: "bind", Source: "/run", Target: "/run", ReadOnly: true },
        ],
      },
    });
    const { archive } = await sandbox.snapshot(data.name);
    await rm(join(data.folder, "drill"));
    await startContainer(sandbox.engine, original.id);
    const folders = [data.folder, other.folder, shared.folder, config];
    const before = await Promise.all(folders.map((each) => sandbox.evidence(each, [original.id])));

    const { code, stderr } = await drill(sandbox, archive);
    assert.equal(code, 1, stderr);
    const said = stderr.split("\n").flatMap((line) => /^ +\| (.*)$/.exec(line)?.[1] ?? []);
    const capabilities = (0x00000000a80425fb).toString(16).padStart(16, "0");
    assert.deepEqual(
      said.map((line) => line.replace("\\t", " ")),
      [
        "data: writable",
        "other: .",
        "shared: . ./certificate",
        "shared: not writable",
        "config: . ./settings",
        "config: not writable",
        "doors:",
        "doors: not writable",
        "run:",
        "run: not writable",
        `CapEff: ${capabilities}`,
        "NoNewPrivs: 0",
        "env: xyz in /data as the-app",
      ],
    );
    for (const difference of [
      `/other is empty in place of volume ${other.name}`,
      `/config (${config}) is read-only`,
      `/doors (${doors}) is not mounted`,
      "/run (/run) is not mounted",
      "it has no capability NET_ADMIN",
    ]) {
      assert.ok(stderr.includes(`In the copy, ${difference}\n`), difference);
    }
    const after = await Promise.all(folders.map((each) => sandbox.evidence(each, [original.id])));
    for (const [i, evidence] of before.entries()) assertUntouched(evidence, after[i] ?? evidence);
    assert.deepEqual(await leftovers(sandbox, data.name), []);
  },
);

test(
  "what a drill left whose client was killed is found, and removed by the next one",
  { skip: skipUnlessPrivate },
  async () => {
    await using sandbox = await Sandbox.create(host);
    const { name, folder } = await sandbox.volume("data");
    await writeFiles(folder, { wait: "" });
    const script = "[ ! -e /data/wait ] || sleep 600";
    await sandbox.container("app", {
      ...(await sandbox.waiting(name)),
      Cmd: [script],
      // It is not well before it ends.
      Healthcheck: { Test: ["CMD-SHELL", "exit 1"], Interval: 60e9, StartPeriod: 600e9 },
    });
    const waiting = await sandbox.snapshot(name);
    await rm(join(folder, "wait"));
    const quick = await sandbox.snapshot(name);
    const drilling = sandbox.start(["snapshot", "drill", waiting.archive]);
    await drilling.until("the copy is started", async () =>
      (await listContainers(sandbox.engine, { filters: { label: [LABEL] } })).some(
        ({ labels, state, name: container }) =>
          labels[`${LABEL}.of`] === name && state === "running" && container.endsWith("-drill"),
      ),
    );
    // One that is under way is none of the leftovers.
    const doctor = async (): Promise<string> => (await sandbox.dockform(["doctor"])).stdout;
    const remark = new RegExp(`trial restore .*of ${name} left a volume behind`);
    assert.doesNotMatch(await doctor(), remark);
    assert.equal((await drill(sandbox, quick.archive)).code, 0);
    assert.notDeepEqual(await leftovers(sandbox, name), []);

    drilling.signal("SIGKILL");
    await drilling.ended;
    await until("doctor tells", async () => remark.test(await doctor()));
    const next = await drill(sandbox, quick.archive);
    assert.equal(next.code, 0, next.stderr);
    assert.match(next.stderr, /Removing what an interrupted trial restore of .* left behind/);
    assert.deepEqual(await leftovers(sandbox, name), []);

    const interrupted = sandbox.start(["snapshot", "drill", waiting.archive]);
    await interrupted.until("it began", async () => (await leftovers(sandbox, name)).length > 1);
    interrupted.signal("SIGINT");
    assert.equal((await interrupted.ended).code, 130);
    assert.deepEqual(await leftovers(sandbox, name), []);
  },
);

test(
  "a drill is refused where it is not known what to start, before anything is made",
  { skip: skipUnlessPrivate },
  async () => {
    await using sandbox = await Sandbox.create(host);
    const { name } = await sandbox.volume("data");
    const { archive } = await sandbox.snapshot(name);
    const refused = async (...args: readonly string[]): Promise<CliResult> =>
      drill(sandbox, archive, "--json", ...args);
    assertError(await refused(), {
      exitCode: 2,
      message: /no container uses volume/,
      hint: /--image/,
    });
    assertError(await refused("--container", "nobody"), {
      exitCode: 2,
      message: /there is no container nobody/,
      hint: /docker ps/,
    });
    await sandbox.container("one", await sandbox.waiting(name));
    await sandbox.container("two", await sandbox.waiting(name));
    assertError(await refused(), {
      exitCode: 2,
      message: /several containers use/,
      hint: /--container/,
    });
    const other = await sandbox.volume("other");
    const stranger = await sandbox.container("stranger", await sandbox.waiting(other.name));
    assertError(await refused("--container", stranger.name), {
      exitCode: 3,
      message: /does not use volume/,
      hint: /--image/,
    });
    assertError(await refused("--command", "true"), {
      exitCode: 2,
      message: /a drill starts/,
      hint: /--image and/,
    });
    assert.deepEqual(await leftovers(sandbox, name), []);
  },
);

test(
  "verify --deep restores into a throw-away volume, and everything comes back as it is",
  { skip: skipUnlessPrivate },
  async () => {
    await using sandbox = await Sandbox.create(host);
    const { name, folder } = await sandbox.volume("odd");
    await makeOddTree(folder, { smallFiles: 300 });
    const { sidecarPath } = await sandbox.snapshot(name);
    const deep = await sandbox.dockform(["snapshot", "verify", name, "--deep"]);
    assert.equal(deep.code, 0, deep.stderr);
    assert.notEqual((await readJson(sidecarPath))["verified_at"], undefined);
    assert.deepEqual(await leftovers(sandbox, name), []);
    await removeTree(folder);
  },
);

/** A socket that a program of the host listens on. */
async function listening(path: string): Promise<AsyncDisposable & { readonly path: string }> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return {
    path,
    [Symbol.asyncDispose]: () => new Promise((resolve) => void server.close(() => resolve())),
  };
}
