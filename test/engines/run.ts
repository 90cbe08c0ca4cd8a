// `npm run test:engines`: what tells whether an engine can be stood on, on each of those in Debian's releases.
//
// usage: npm run test:engines -- [engine ...] [--write] [--file part of a test file's path]... [--name <regular expression>]
//
// --write puts the counts into results.json and docs/engines.md; --file runs other tests, which are in neither.
import { glob } from "node:fs/promises";
import { parseArgs } from "node:util";
import { EngineClient } from "../../src/engine/client.ts";
import { engineInfo } from "../../src/engine/system.ts";
import { ENGINE_KINDS, type EngineKind } from "../engine/engine-kinds.ts";
import { unpackEngine } from "../engine/engine-release.ts";
import { startPrivateEngine, type PrivateEngineOptions } from "../engine/private-engine.ts";
import { engineEnvironment } from "../engine/test-engine.ts";
import { bundleProgram } from "../runner/bundle.ts";
import { Report } from "../runner/report.ts";
import { runTestFile } from "../runner/test-file.ts";
import { describeResults, GROUPS, sumOf, writeResults, type EngineResult } from "./results.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    file: { type: "string", multiple: true },
    name: { type: "string" },
    write: { type: "boolean", default: false },
  },
});

const interrupted = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.once(signal, () => interrupted.abort());
}
await using bundle = await bundleProgram();
process.env["DOCKFORM_TEST_MAIN"] = bundle.mainFile;
const { TMPDIR: temporaryFolder = "/tmp" } = process.env;
const results: EngineResult[] = [];
for (const [name, kind] of kinds()) {
  if (!interrupted.signal.aborted) results.push(await testOn(name, kind));
}
console.log(describeResults(results));
if (values.write) await writeResults(results);
const [allPassed, allFailed] = sumOf(results);
console.log(`${allPassed} passed, ${allFailed} failed`);
process.exitCode = allFailed > 0 || allPassed === 0 || interrupted.signal.aborted ? 1 : 0;

function kinds(): readonly (readonly [string, EngineKind])[] {
  if (positionals.length === 0) return Object.entries(ENGINE_KINDS);
  return positionals.map((name) => {
    const kind = ENGINE_KINDS[name];
    const known = Object.keys(ENGINE_KINDS).join(", ");
    if (kind === undefined) throw new Error(`no engine ${name}; there are ${known}`);
    return [name, kind];
  });
}

async function testOn(name: string, kind: EngineKind): Promise<EngineResult> {
  const { engine, debian, ...rest } = kind;
  const unpacked = await unpackEngine({ engine, debian });
  const options: PrivateEngineOptions = { ...rest, unpacked };
  process.env["DOCKFORM_TEST_PRIVATE_ENGINE"] = JSON.stringify(options);
  process.env["TMPDIR"] = temporaryFolder;
  await using own = await startPrivateEngine();
  const version = await versionAt(own.host);
  console.log(`\n${name}: ${version}`);
  Object.assign(process.env, engineEnvironment({ kind: "private", host: own.host }));
  process.env["TMPDIR"] = own.temporaryFolder;
  const groups: Record<string, readonly [passed: number, failed: number]> = {};
  for (const [title, parts] of Object.entries(chosenGroups())) groups[title] = await run(parts);
  return { name, version, date: new Date().toISOString().slice(0, 10), groups };
}

function chosenGroups(): Readonly<Record<string, readonly string[]>> {
  return values.file === undefined ? GROUPS : { chosen: values.file };
}

async function run(parts: readonly string[]): Promise<readonly [number, number]> {
  const report = new Report();
  let [passed, failed] = [0, 0];
  for await (const file of glob(["test/**/*.test.ts", "src/**/*.test.ts"])) {
    if (!parts.some((part) => file.includes(part))) continue;
    const result = await runTestFile(file, { name: values.name, signal: interrupted.signal });
    report.add(result);
    passed += result.passed;
    failed += result.failed;
  }
  report.finish(interrupted.signal.aborted);
  return [passed, failed];
}

async function versionAt(host: string): Promise<string> {
  const engine = new EngineClient({ context: "default", host });
  const { serverVersion } = await engineInfo(engine);
  const api = await engine.apiVersion();
  engine.close();
  return `${serverVersion}, API ${api}`;
}
