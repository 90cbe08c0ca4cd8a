import assert from "node:assert/strict";
import { test } from "node:test";
import { ownEngine } from "../../engine/own-engine.ts";
import { Sandbox } from "../harness.ts";

const { host, skip } = await ownEngine();

const NOBODY = "unix:///no/engine/listens/here.sock";

// --- doctor ---

test("doctor finds nothing wrong where nothing is", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const { name } = await sandbox.volume("data");
  await sandbox.declare(name);
  await sandbox.snapshot(name);
  const text = await sandbox.dockform(["doctor"]);
  assert.equal(text.code, 0, text.stderr);
  const checks = await doctorChecks(sandbox);
  const expected = [
    "manifest",
    "context default",
    "engine",
    "API version",
    "helper image",
    "space",
    "snapshots",
  ];
  assert.deepEqual([...checks.keys()], expected);
  for (const { check, status } of checks.values()) assert.equal(status, "ok", check);
  assert.ok(checks.get("context default")?.found.includes(host));
  assert.match(checks.get("helper image")?.found ?? "", /:\S+, /);
  for (const { check, found } of checks.values()) {
    // How much room there is is another number each time.
    const shown =
      check === "space" ? /^ok +space +\d/m.test(text.stdout) : text.stdout.includes(found);
    assert.ok(shown, `${found}\n${text.stdout}`);
  }
});

test("doctor says of each thing that is wrong what to do about it", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const noManifest = await doctorChecks(sandbox);
  assert.equal(noManifest.get("manifest")?.status, "warning");
  assert.match(noManifest.get("manifest")?.advice ?? "", /dockform init/);

  await sandbox.manifest("volumess: {}\n");
  const badManifest = await doctorChecks(sandbox);
  assert.equal(badManifest.get("manifest")?.status, "failed");
  assert.match(badManifest.get("manifest")?.found ?? "", /dockform\.yml:1:1: .*did you mean/);

  await sandbox.manifest("identifier: x\n");
  const noEngine = await doctorChecks(sandbox, { DOCKER_HOST: NOBODY });
  assert.equal(noEngine.get("engine")?.status, "failed");
  assert.match(noEngine.get("engine")?.found ?? "", /cannot reach/);
  assert.match(noEngine.get("engine")?.advice ?? "", /Is the engine running/);
  assert.equal(noEngine.get("space")?.status, "ok");

  const env = { DOCKFORM_HELPER_IMAGE: "localhost:1/no/such:image" };
  const noImage = await doctorChecks(sandbox, env);
  assert.equal(noImage.get("helper image")?.status, "failed");
  assert.match(noImage.get("helper image")?.advice ?? "", /DOCKFORM_HELPER_IMAGE/);
  assert.equal(noImage.get("engine")?.status, "ok");
  const text = await sandbox.dockform(["doctor"], { env });
  assert.match(text.stdout, /^failed +helper image +.*localhost:1/m);
  assert.match(text.stderr, /error: 1 check failed/);
});

interface Check {
  readonly check: string;
  readonly status: string;
  readonly found: string;
  readonly advice?: string;
}

async function doctorChecks(
  sandbox: Sandbox,
  env: Readonly<Record<string, string>> = {},
): Promise<ReadonlyMap<string, Check>> {
  const { stdout } = await sandbox.dockform(["doctor", "--json"], { env });
  const { checks }: { checks: readonly Check[] } = JSON.parse(stdout);
  return new Map(checks.map((check) => [check.check, check]));
}
