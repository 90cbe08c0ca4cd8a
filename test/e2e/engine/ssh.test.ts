import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { promisify } from "node:util";
import { makeKey, SshHost, SshUser } from "../../engine/ssh-host.ts";
import { testEngine } from "../../engine/test-engine.ts";
import { assertError, writeFiles } from "../archives.ts";
import { until } from "../cli-process.ts";
import { Sandbox } from "../harness.ts";
import { UNSEEN_TMPDIR, type CliOptions } from "../program.ts";

const run = promisify(execFile);
const engine = await testEngine();
const skip = engine.skipUnlessPrivate;

const stack = new AsyncDisposableStack();
after(() => stack.disposeAsync());
const place = await mkdtemp(join(tmpdir(), "dockform-ssh-"));
stack.defer(() => rm(place, { recursive: true }));
const found = skip === false ? await prepare() : undefined;

/** A machine with the engine, and one before it. */
async function prepare() {
  const user = await SshUser.create(join(place, "user"));
  const sessions = { DOCKER_HOST: engine.host };
  const far = stack.use(await SshHost.start(join(place, "far"), user.keyFile, sessions));
  const gate = stack.use(await SshHost.start(join(place, "gate"), user.keyFile, {}));
  await user.configure("far", [`Port ${far.port}`]);
  await user.configure("gate", [`Port ${gate.port}`]);
  await user.configure("behind", [`Port ${far.port}`, "ProxyJump gate"]);
  await user.trust(far);
  await user.trust(gate);
  return { user, far, gate };
}

function given(): NonNullable<typeof found> {
  assert.ok(found);
  return found;
}

/** By ssh, with a TMPDIR that the engine does not see. */
function by(host: string): CliOptions {
  return { env: environment(host), ...UNSEEN_TMPDIR };
}

function environment(host: string): Record<string, string> {
  return { DOCKER_HOST: host, PATH: `${given().user.programs}:${process.env["PATH"]}` };
}

/** No call of ssh stays. */
async function assertHungUp(): Promise<void> {
  const { user } = given();
  await until("no ssh runs", async () => (await user.running()).length === 0);
}

test(
  "a volume behind ssh is snapshotted, restored and put back, with one login a command",
  { skip },
  async () => {
    const { far, gate } = given();
    await using sandbox = await Sandbox.create(engine.host);
    const { name, folder } = await sandbox.volume("data");
    await writeFiles(folder, { file: "old" });
    const logins = far.logins;
    const taken = await sandbox.snapshot(name, [], by("ssh://far"));
    assert.equal(far.logins - logins, 1);
    await writeFiles(folder, { file: "new" });
    const container = await sandbox.running("user", await sandbox.waiting(name));

    const refused = await sandbox.dockform(
      ["volume", "restore", name, taken.archive, "--json", "--undeclared"],
      { env: environment("ssh://far") },
    );
    assertError(refused, { exitCode: 3, message: /./, hint: /--force/ });
    const flags = ["--force", "--undeclared", "--stop-containers", "--keep-previous"];
    await sandbox.restore(name, taken.archive, flags, by("ssh://root@behind"));
    assert.ok(gate.logins > 0);
    assert.equal(await readFile(join(folder, "file"), "utf8"), "old");
    assert.equal(await sandbox.state(container.id), "running");
    const undo = ["volume", "undo", name, "--undeclared", "--stop-containers"];
    const undone = await sandbox.dockform(undo, by("ssh://far"));
    assert.equal(undone.code, 0, undone.stderr);
    assert.equal(await readFile(join(folder, "file"), "utf8"), "new");
    await assertHungUp();
  },
);

test("a docker context may lead through ssh", { skip }, async () => {
  const { far } = given();
  await using sandbox = await Sandbox.create(engine.host);
  const { name } = await sandbox.volume("data");
  const env = { ...environment(""), DOCKER_CONFIG: sandbox.path("docker") };
  const host = `host=ssh://root@far:${far.port}${engine.host.replace("unix://", "")}`;
  await run("docker", ["context", "create", "elsewhere", "--docker", host], {
    env: { PATH: process.env["PATH"], HOME: sandbox.folder, DOCKER_CONFIG: env.DOCKER_CONFIG },
  });
  const listed = await sandbox.dockform(["volume", "list", "--context", "elsewhere"], { env });
  assert.equal(listed.code, 0, listed.stderr);
  assert.ok(listed.stdout.includes(name));
});

test(
  "who cannot get in is told in ssh's words, and what to do",
  { skip, timeout: 120_000 },
  async () => {
    const { user, far } = given();
    await using more = new AsyncDisposableStack();
    const { keyFile } = user;
    const host = async (name: string, sessions: Readonly<Record<string, string>> = {}) =>
      more.use(await SshHost.start(join(place, name), keyFile, sessions));

    await makeKey(join(place, "other-key"));
    await user.configure("stranger", [`Port ${far.port}`, `IdentityFile ${place}/other-key`]);
    const unknown = await host("unknown");
    await user.configure("unknown", [`Port ${unknown.port}`]);
    const changed = await host("changed");
    await user.trust(changed);
    const known = (await readFile(user.knownHostsFile, "utf8")).replace(
      (await changed.knownAs()).trimEnd(),
      `[127.0.0.1]:${changed.port} ${(await far.knownAs()).split(" ").slice(1).join(" ").trimEnd()}`,
    );
    await writeFile(user.knownHostsFile, known);
    await user.configure("changed", [`Port ${changed.port}`]);
    const bare = await host("bare", { PATH: "/no/programs" });
    await user.trust(bare);
    await user.configure("bare", [`Port ${bare.port}`]);
    await user.configure("closed", ["Port 9"]);
    await user.configure("closed-behind", ["Port 9", "ProxyJump gate"]);
    await user.configure("behind-a-stranger", [`Port ${far.port}`, "ProxyJump stranger"]);
    const silent = createServer().listen(0, "127.0.0.1");
    more.defer(() => void silent.close());
    await once(silent, "listening");
    const address = silent.address();
    assert.ok(typeof address === "object" && address !== null);
    await user.configure("silent", [`Port ${address.port}`]);
    const idle = await host("idle", { DOCKER_HOST: "unix:///no/engine.sock" });
    await user.trust(idle);
    await user.configure("idle", [`Port ${idle.port}`]);
    const cases: readonly (readonly [host: string, code: string, message: RegExp, hint: RegExp])[] =
      [
        ["stranger", "ssh.denied", /Permission denied/, /without a question/],
        ["behind-a-stranger", "ssh.denied", /Permission denied/, /without a question/],
        ["unknown", "ssh.host-key", /Host key verification failed/, /fingerprint/],
        ["changed", "ssh.host-key", /has changed/, /ssh-keygen -R/],
        ["closed", "ssh.unreachable", /Connection refused/, /ssh closed/],
        [
          "closed-behind",
          "ssh.unreachable",
          /Connection refused|Connection closed/,
          /ssh closed-behind/,
        ],
        ["silent", "ssh.unreachable", /timed out/, /ssh silent/],
        ["bare", "ssh.no-docker", /no docker and no podman/, /Install/],
        ["idle", "engine.unreachable", /no\/engine\.sock/, /docker info/],
      ];
    await using sandbox = await Sandbox.create(engine.host);
    const before = await readFile(user.knownHostsFile, "utf8");
    await Promise.all(
      cases.map(async ([name, code, message, hint]) => {
        const env = environment(`ssh://${name}`);
        const result = await sandbox.dockform(["volume", "list", "--json"], { env });
        assert.equal(JSON.parse(result.stdout).error.code, code, `${name}: ${result.stderr}`);
        assertError(result, { exitCode: 5, message, hint });
      }),
    );
    assert.equal(await readFile(user.knownHostsFile, "utf8"), before);
    await assertHungUp();
  },
);

test("without ssh nothing is reached through it", { skip }, async () => {
  await using sandbox = await Sandbox.create(engine.host);
  const env = { DOCKER_HOST: "ssh://far", PATH: "/no/programs" };
  const result = await sandbox.dockform(["volume", "list", "--json"], { env });
  assertError(result, { exitCode: 1, message: /ssh cannot be run/, hint: /Install OpenSSH/ });
});
