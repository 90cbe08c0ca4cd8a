import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFile, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { promisify } from "node:util";
import { Authority } from "../../engine/authority.ts";
import {
  canStartPrivateEngine,
  startPrivateEngine,
  type PrivateEngine,
} from "../../engine/private-engine.ts";
import { openWayIn } from "../../engine/way-in.ts";
import { assertError, writeFiles } from "../archives.ts";
import { Sandbox } from "../harness.ts";
import { UNSEEN_TMPDIR } from "../program.ts";

const run = promisify(execFile);
const skip = !canStartPrivateEngine() && "a private engine needs root on Linux";
const PORT = 2376;

const stack = new AsyncDisposableStack();
after(() => stack.disposeAsync());
const place = await mkdtemp(join(tmpdir(), "dockform-tls-"));
stack.defer(() => rm(place, { recursive: true }));

/** A folder in the test's place. */
const at = (name: string): string => join(place, name);
const found = skip === false ? await prepare() : undefined;

async function prepare() {
  const authority = await Authority.create(at("authority"));
  await authority.issue(at("engine"), "IP:127.0.0.1");
  await authority.issue(at("client"), "DNS:client");
  const engine = stack.use(await startTlsEngine(at("engine")));
  const { port } = stack.use(await openWayIn(engine, PORT));
  return { authority, engine, port };
}

function startTlsEngine(folder: string): Promise<PrivateEngine> {
  return startPrivateEngine({
    configuration: {
      hosts: [`tcp://127.0.0.1:${PORT}`],
      tlsverify: true,
      tlscacert: join(folder, "ca.pem"),
      tlscert: join(folder, "cert.pem"),
      tlskey: join(folder, "key.pem"),
    },
  });
}

function given(): NonNullable<typeof found> {
  assert.ok(found);
  return found;
}

/** The environment of somebody who has the certificates of a folder. */
function holder(folder: string, host = `tcp://127.0.0.1:${given().port}`): Record<string, string> {
  return { DOCKER_HOST: host, DOCKER_CERT_PATH: folder, DOCKER_TLS_VERIFY: "1" };
}

test(
  "a context with certificates is snapshotted and restored, data going through the connection",
  { skip },
  async () => {
    const { engine, port } = given();
    await using sandbox = await Sandbox.create(engine.host);
    const { name } = await sandbox.volume("data");
    const folder = join(engine.dataRoot, "volumes", name, "_data");
    await writeFiles(folder, { file: "old" });
    const env = { DOCKER_HOST: "", DOCKER_CONFIG: sandbox.path("docker") };
    const [ca, cert, key] = ["ca", "cert", "key"].map((each) => at(`client/${each}.pem`));
    const address = `host=tcp://127.0.0.1:${port},ca=${ca},cert=${cert},key=${key}`;
    await run("docker", ["context", "create", "far", "--docker", address], {
      env: { PATH: process.env["PATH"], HOME: place, DOCKER_CONFIG: env.DOCKER_CONFIG },
    });
    const options = { env, ...UNSEEN_TMPDIR };
    const before = await sandbox.evidence(folder);
    const taken = await sandbox.snapshot(name, ["--context", "far"], options);
    await writeFiles(folder, { file: "new" });
    const flags = ["--context", "far", "--force", "--undeclared"];
    await sandbox.restore(name, taken.archive, flags, options);
    assert.deepEqual(await sandbox.evidence(folder), before);
    assert.deepEqual(await sandbox.leftBehind(), []);
  },
);

test("who cannot be sure of the other side is told why, and what to do", { skip }, async () => {
  const { authority, engine, port } = given();
  await using sandbox = await Sandbox.create(engine.host);
  const strangers = await Authority.create(at("strangers"));
  await strangers.issue(at("wrong-ca"), "DNS:client");
  await authority.issue(at("stale"), "DNS:client", -1);
  await mkdir(at("nothing-to-show"));
  await copyFile(authority.certificate, at("nothing-to-show/ca.pem"));
  const cases: Readonly<
    Record<string, { env: Record<string, string>; code: string; hint: RegExp }>
  > = {
    "an authority that is not ours": {
      env: holder(at("wrong-ca")),
      code: "tls.untrusted",
      hint: /ca\.pem/,
    },
    "a name that is not in the certificate": {
      env: holder(at("client"), `tcp://localhost:${port}`),
      code: "tls.wrong-name",
      hint: /subjectAltName/,
    },
    "no certificate of our own": {
      env: holder(at("nothing-to-show")),
      code: "tls.client-refused",
      hint: /cert\.pem/,
    },
    "one of our own that has expired": {
      env: holder(at("stale")),
      code: "tls.client-refused",
      hint: /expired/,
    },
    "no encryption at the other end": {
      env: holder(at("client"), "tcp://127.0.0.1:9"),
      code: "engine.unreachable",
      hint: /running/,
    },
  };
  for (const [what, { env, code, hint }] of Object.entries(cases)) {
    const result = await sandbox.dockform(["volume", "list", "--json"], { env });
    const { error } = JSON.parse(result.stdout);
    assert.equal(error.code, code, `${what}: ${result.stderr}`);
    assertError(result, { exitCode: 5, message: /./, hint });
  }
});

test("an engine whose certificate has expired is not believed", { skip }, async () => {
  const { authority } = given();
  await authority.issue(at("expired"), "IP:127.0.0.1", -1);
  await using engine = await startTlsEngine(at("expired"));
  await using way = await openWayIn(engine, PORT);
  await using sandbox = await Sandbox.create(engine.host);
  const env = holder(at("client"), `tcp://127.0.0.1:${way.port}`);
  const result = await sandbox.dockform(["volume", "list", "--json"], { env });
  assertError(result, { exitCode: 5, message: /not valid today/, hint: /new certificate/ });
  assert.equal(JSON.parse(result.stdout).error.code, "tls.expired");
});
