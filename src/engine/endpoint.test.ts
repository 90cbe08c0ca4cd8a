import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { compareVersions } from "./api-version.ts";
import { currentContextName, resolveEndpoint, type EndpointEnvironment } from "./endpoint.ts";
import { transportFor } from "./transport-for.ts";

const folder = await mkdtemp(join(tmpdir(), "dockform-endpoint-"));
after(() => rm(folder, { recursive: true }));

await writeFile(join(folder, "config.json"), JSON.stringify({ currentContext: "stored" }));
await addContext("stored", { Endpoints: { docker: { Host: "unix:///stored.sock" } } });
await addContext("kubernetes-only", { Endpoints: { kubernetes: {} } });

async function addContext(name: string, meta: unknown): Promise<void> {
  const digest = createHash("sha256").update(name).digest("hex");
  const place = join(folder, "contexts", "meta", digest);
  await mkdir(place, { recursive: true });
  await writeFile(join(place, "meta.json"), JSON.stringify(meta));
}

function environment(env: EndpointEnvironment["env"]): EndpointEnvironment {
  return {
    env,
    insecure: false,
    temporaryFolder: "/nowhere",
    homeFolder: "/nowhere",
    platform: "linux",
  };
}

const DOCKER_CONFIG = folder;

test("DOCKER_HOST means default, then DOCKER_CONTEXT, then the stored choice", async () => {
  const all = { DOCKER_HOST: "unix:///a", DOCKER_CONTEXT: "named", DOCKER_CONFIG };
  assert.equal(await currentContextName(environment(all)), "default");
  const { DOCKER_HOST: _, ...noHost } = all;
  assert.equal(await currentContextName(environment(noHost)), "named");
  assert.equal(await currentContextName(environment({ DOCKER_CONFIG })), "stored");
  assert.equal(await currentContextName(environment({})), "default");
});

test("a context's host is the manifest's, DOCKER_HOST's, the platform's or the store's", async () => {
  const resolve = async (name: string, host?: string, env = {}): Promise<string> =>
    (await resolveEndpoint(name, host, environment({ DOCKER_CONFIG, ...env }))).host;
  assert.equal(await resolve("any", "unix:///manifest.sock"), "unix:///manifest.sock");
  assert.equal(await resolve("default", undefined, { DOCKER_HOST: "unix:///a" }), "unix:///a");
  assert.equal(await resolve("default"), "unix:///var/run/docker.sock");
  assert.equal(await resolve("stored"), "unix:///stored.sock");
});

test("a connection is secured as the context, or the environment, says", async () => {
  const docker = { Host: "tcp://far:2376" };
  await addContext("secured", { Endpoints: { docker: { ...docker, SkipTLSVerify: false } } });
  await addContext("trusting", { Endpoints: { docker: { ...docker, SkipTLSVerify: true } } });
  const digest = createHash("sha256").update("secured").digest("hex");
  const tls = join(folder, "contexts", "tls", digest, "docker");
  await mkdir(tls, { recursive: true });
  const resolve = async (name: string, env = {}, host?: string): Promise<unknown> =>
    (await resolveEndpoint(name, host, environment({ DOCKER_CONFIG, ...env }))).tls;
  const all = { DOCKER_CERT_PATH: "/certs", DOCKER_TLS_VERIFY: "1", DOCKER_TLS: "1" };
  assert.deepEqual(await resolve("secured", all), { folder: tls, verifies: true });
  assert.partialDeepStrictEqual(await resolve("trusting"), { verifies: false });
  assert.equal(await resolve("stored", all), undefined);
  const certificates = { folder: "/certs", verifies: true };
  assert.deepEqual(await resolve("default", all), certificates);
  assert.deepEqual(await resolve("any", { DOCKER_CERT_PATH: "/certs" }, "tcp://x"), certificates);
  assert.deepEqual(await resolve("default", { DOCKER_TLS_VERIFY: "1" }), {
    folder,
    verifies: true,
  });
  assert.deepEqual(await resolve("default", { DOCKER_TLS: "1" }), { folder, verifies: false });
});

test("a context that does not exist or has no engine is bad usage", async () => {
  const resolve = (name: string): Promise<unknown> =>
    resolveEndpoint(name, undefined, environment({ DOCKER_CONFIG }));
  await assert.rejects(resolve("missing"), { kind: "usage", message: /"missing" does not exist/ });
  await assert.rejects(resolve("kubernetes-only"), {
    kind: "usage",
    message: /no docker endpoint/,
  });
});

test("a scheme that is not supported is said before anything is tried", () => {
  const endpoint = { context: "far", host: "fd://me@far" };
  assert.throws(() => transportFor(endpoint), { kind: "usage", message: /fd:\/\/me@far/ });
});

test("API versions compare by number", () => {
  assert.ok(compareVersions("1.41", "1.9") > 0);
  assert.ok(compareVersions("1.40", "1.41") < 0);
  assert.equal(compareVersions("1.41", "1.41"), 0);
});
