// `npm test`: every test, unit tests and those on a real engine, with the counts as its last line.
//
// usage: npm test -- [part of a file's path ...] [--name <regular expression>]
import { glob, stat } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { engineEnvironment, prepareTestEngine } from "./engine/test-engine.ts";
import { Report } from "./runner/report.ts";
import { bundleProgram } from "./runner/bundle.ts";
import { runTestFile } from "./runner/test-file.ts";

/** Two to a processor: half of its time, a test that works on an engine waits for that, for a process or for a timer. */
const LANES = 2 * Math.max(2, availableParallelism());

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { name: { type: "string" } },
});

const files = await selectFiles(positionals);
if (files.length === 0) {
  console.error(`no test file's path contains ${positionals.join(" or ")}`);
  process.exit(1);
}

const interrupted = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  // Once: a second Ctrl-C ends this process at once, and the engine with it.
  process.once(signal, () => interrupted.abort());
}

const report = new Report();
await using bundle = await bundleProgram();
process.env["DOCKFORM_TEST_MAIN"] = bundle.mainFile;
const engine = await prepareTestEngine();
try {
  console.log(describeEngine());
  Object.assign(process.env, engineEnvironment(engine));
  // What tests leave behind goes away with the engine's folder, even after kill -9.
  if (engine.temporaryFolder !== undefined) process.env["TMPDIR"] = engine.temporaryFolder;
  await Promise.all(Array.from({ length: LANES }, runNextFiles));
} finally {
  await engine.stop();
}
process.exitCode = report.finish(interrupted.signal.aborted);

/**
 * Those that work on engines first, and the largest of them first of all: they take longest, and should not be what all
 * others wait for in the end.
 */
async function selectFiles(parts: readonly string[]): Promise<string[]> {
  const found = await Array.fromAsync(glob(["test/**/*.test.ts", "src/**/*.test.ts"]));
  const wanted = found.filter((file) => parts.length === 0 || parts.some((p) => file.includes(p)));
  const sized = wanted.map(async (file) => ({ file, bytes: (await stat(file)).size }));
  return (await Promise.all(sized))
    .toSorted((a, b) => isUnit(a.file) - isUnit(b.file) || b.bytes - a.bytes)
    .map(({ file }) => file);
}

function isUnit(file: string): 0 | 1 {
  return file.startsWith("src/") ? 1 : 0;
}

async function runNextFiles(): Promise<void> {
  for (;;) {
    const file = interrupted.signal.aborted ? undefined : files.shift();
    if (file === undefined) return;
    report.add(await runTestFile(file, { name: values.name, signal: interrupted.signal }));
  }
}

function describeEngine(): string {
  if (engine.kind === "private") return `Engine: a private one at ${engine.host}`;
  if (engine.kind === "reachable") return `Engine: the one at ${engine.host}`;
  return "Engine: none is reachable, and a private one needs root on Linux. Tests that need one are skipped.";
}
