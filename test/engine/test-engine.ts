import { homedir, tmpdir } from "node:os";
import { after } from "node:test";
import { EngineClient } from "../../src/engine/client.ts";
import {
  currentContextName,
  resolveEndpoint,
  type EngineEndpoint,
} from "../../src/engine/endpoint.ts";
import { canStartPrivateEngine, startPrivateEngine } from "./private-engine.ts";

/** The engine that the tests of one run share. */
export interface TestEngine {
  /** As in DOCKER_HOST; empty where there is none. */
  readonly host: string;
  /** `private`: made for the tests, to be treated as they like. `reachable`: somebody's own. */
  readonly kind: "private" | "reachable" | "none";
}

/** The engine of a test file, with what `test()` takes to leave a test out where it cannot run. */
export interface TestFileEngine extends TestEngine {
  /** `test(name, { skip: engine.skip }, ...)`: needs an engine. */
  readonly skip: string | false;
  /** For a test that needs an engine of the tests' own, or looks into a volume's folder as root. */
  readonly skipUnlessPrivate: string | false;
}

/** Names the shared engine to the processes of the test files. */
export function engineEnvironment(engine: TestEngine): Record<string, string> {
  return { DOCKFORM_TEST_HOST: engine.host, DOCKFORM_TEST_ENGINE: engine.kind };
}

/**
 * The engine to test on: the one `npm test` started or found, else, for a test file that runs alone,
 * one that lives as long as this file's tests.
 */
export async function testEngine(): Promise<TestFileEngine> {
  const engine = engineFromEnvironment() ?? (await engineForThisFile());
  return {
    ...engine,
    skip: engine.kind === "none" && "no Docker Engine is reachable",
    skipUnlessPrivate: engine.kind !== "private" && "a private engine needs root on Linux",
  };
}

/**
 * The engine that the docker CLI would use here; `undefined` when there is none or it does not
 * answer.
 */
export async function reachableEndpoint(): Promise<EngineEndpoint | undefined> {
  const environment = {
    env: process.env,
    insecure: false,
    temporaryFolder: tmpdir(),
    homeFolder: homedir(),
    platform: process.platform,
  };
  try {
    const context = await currentContextName(environment);
    const endpoint = await resolveEndpoint(context, undefined, environment);
    const engine = new EngineClient(endpoint);
    await engine.apiVersion();
    engine.close();
    return endpoint;
  } catch {
    return undefined;
  }
}

/** An engine with the way to end it. */
export interface OwnedTestEngine extends TestEngine {
  /** A private engine's, which sees what is mounted there; removed together with it. */
  readonly temporaryFolder: string | undefined;
  stop(): Promise<void>;
}

/** As root on Linux always a private engine, else the reachable one. */
export async function prepareTestEngine(): Promise<OwnedTestEngine> {
  if (canStartPrivateEngine()) {
    const engine = await startPrivateEngine();
    const { host, temporaryFolder } = engine;
    return { kind: "private", host, temporaryFolder, stop: () => engine.stop() };
  }
  const endpoint = await reachableEndpoint();
  return endpoint === undefined
    ? { kind: "none", host: "", temporaryFolder: undefined, stop: leaveAlone }
    : { kind: "reachable", host: endpoint.host, temporaryFolder: undefined, stop: leaveAlone };
}

async function leaveAlone(): Promise<void> {
  // Somebody else's engine is not ours to stop.
}

function engineFromEnvironment(): TestEngine | undefined {
  const { DOCKFORM_TEST_HOST: host = "", DOCKFORM_TEST_ENGINE: kind } = process.env;
  if (kind === "private" || kind === "reachable" || kind === "none") return { host, kind };
  return undefined;
}

async function engineForThisFile(): Promise<TestEngine> {
  const engine = await prepareTestEngine();
  after(() => engine.stop());
  if (engine.temporaryFolder !== undefined) process.env["TMPDIR"] = engine.temporaryFolder;
  return engine;
}
