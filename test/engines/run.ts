// `npm run test:engines`: the tests that tell whether an engine can be stood on, on each of those in Debian's releases.
//
// usage: npm run test:engines -- [engine ...] [--file part of a test file's path]... [--name <regular expression>]
import { glob } from "node:fs/promises";
import { parseArgs } from "node:util";
import { ENGINE_KINDS, type EngineKind } from "../engine/engine-kinds.ts";
import { unpackEngine } from "../engine/engine-release.ts";
import { startPrivateEngine, type PrivateEngineOptions } from "../engine/private-engine.ts";
import { engineEnvironment } from "../engine/test-engine.ts";
import { bundleProgram } from "../runner/bundle.ts";
import { Report } from "../runner/report.ts";
import { runTestFile } from "../runner/test-file.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { file: { type: "string", multiple: true }, name: { type: "string" } },
});

const interrupted = new AbortController();
process.once("SIGINT", () => interrupted.abort());
await using bundle = await bundleProgram();
process.env["DOCKFORM_TEST_MAIN"] = bundle.mainFile;
const names = positionals.length > 0 ? positionals : Object.keys(ENGINE_KINDS);
for (const name of names) {
  const kind = ENGINE_KINDS[name];
  if (kind === undefined)
    throw new Error(`no engine ${name}: ${Object.keys(ENGINE_KINDS).join(", ")}`);
  await testOn(name, kind);
}

async function testOn(name: string, { engine, debian, ...rest }: EngineKind): Promise<void> {
  console.log(`== ${name}`);
  const options: PrivateEngineOptions = {
    ...rest,
    unpacked: await unpackEngine({ engine, debian }),
  };
  process.env["DOCKFORM_TEST_PRIVATE_ENGINE"] = JSON.stringify(options);
  await using own = await startPrivateEngine();
  Object.assign(process.env, engineEnvironment({ kind: "private", host: own.host }));
  process.env["TMPDIR"] = own.temporaryFolder;
  const report = new Report();
  const parts = values.file ?? ["test/contract/engine.test.ts"];
  for await (const file of glob("test/**/*.test.ts")) {
    if (!parts.some((part) => file.includes(part))) continue;
    report.add(await runTestFile(file, { name: values.name, signal: interrupted.signal }));
  }
  report.finish(interrupted.signal.aborted);
}
