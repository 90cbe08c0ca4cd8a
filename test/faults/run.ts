// `npm run test:faults`: breaks everything on purpose, many times over, and reports what was lost.
//
// usage: npm run test:faults -- [--count N] [--seed N] [--workers N] [--only INDEX]... [--kind TEXT]
//
// --only does single faults of a seed again, --kind those whose description contains a text.
import { mkdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startPrivateEngine } from "../engine/private-engine.ts";
import { bundleProgram } from "../runner/bundle.ts";
import { settleWithLimit } from "../../src/app/several.ts";
import { Conductor } from "./conduct.ts";
import { allDeaths, die, Stage, stepsOf } from "./crash-points.ts";
import { raceExtraction } from "./extract-race.ts";
import { describeFault, faultOf, kindOf, type Fault } from "./plan.ts";
import { STORIES } from "./stories.ts";
import { Tally } from "./tally.ts";

/** Over a thousand on engines, beside the steps of the script; some come too late, and are not counted as done. */
const DEFAULT_COUNT = 1150;
const SEEDS = 1_000_000;

const { values } = parseArgs({
  options: {
    count: { type: "string", default: String(DEFAULT_COUNT) },
    seed: { type: "string", default: String(Math.floor(Math.random() * SEEDS)) },
    workers: { type: "string", default: "2" },
    only: { type: "string", multiple: true },
    kind: { type: "string", default: "" },
  },
});

const seed = Number(values.seed);
const all: readonly number[] = values.only?.map(Number) ?? [...Array(Number(values.count)).keys()];
const queue = all.filter((index) => describeFault(faultOf(seed, index)).includes(values.kind));
// An engine has the containers of few scenes at a time.
const groundOf = (index: number): string => faultOf(seed, index).ground;
queue.sort((one, other) => groundOf(one).localeCompare(groundOf(other)) || one - other);
const evidence = join(tmpdir(), `dockform-faults-${seed}`);
const tally = new Tally();
let interrupted = false;
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.once(signal, () => (interrupted = true));
}

await using bundle = await bundleProgram();
process.env["DOCKFORM_TEST_MAIN"] = bundle.mainFile;
console.log(`Seed ${seed}: ${queue.length} faults. Again: npm run test:faults -- --seed ${seed}`);
const workers = Math.min(Number(values.workers), queue.length);
let isLedAstray = false;
if (values.only === undefined && values.kind === "") {
  await raceForAMinute();
  await killAtEveryStep();
}
await Promise.all(Array.from({ length: workers }, work));
console.log(tally.table());
if (interrupted) console.log("Interrupted: not all faults were done.");
process.exitCode = tally.losses > 0 || isLedAstray || interrupted ? 1 : 0;

/** `snapshot extract` as root, against another user. */
async function raceForAMinute(): Promise<void> {
  const endMs = Date.now() + 60_000;
  const { rounds, extracted, swaps, touched } = await raceExtraction(() => Date.now() >= endMs);
  isLedAstray = touched !== undefined;
  console.log(
    `Extracted ${rounds} times for a minute, ${extracted} of them to the end, while another user put ${swaps} links in the way: ${
      isLedAstray ? `LED OUTSIDE\n${touched}` : "nothing outside was touched"
    }.`,
  );
}

/** The helper's script alone, cut short before each of the steps that it takes. */
async function killAtEveryStep(): Promise<void> {
  await using stage = await Stage.set();
  for (const [name, story] of Object.entries(STORIES)) {
    const steps = await stepsOf(stage, story);
    const deathsOfAll = allDeaths(story, steps);
    const results = await settleWithLimit(deathsOfAll, Number(values.workers), (deaths) =>
      die(stage, story, deaths),
    );
    for (const [i, result] of results.entries()) {
      const problem = result.status === "fulfilled" ? result.value : String(result.reason);
      const { death, on } = deathsOfAll[i] ?? {};
      const kind = `cut the helper's script short (${death}, ${on})`;
      tally.add(kind, problem === "" ? "recovered" : "lost");
      if (problem !== "") console.log(`  LOST: ${name}: ${problem}`);
    }
    console.log(
      `${tally.total}  ${name}, cut short before each step from ${steps.first} to ${steps.last}`,
    );
  }
}

/** One engine, and one fault after the other on it. */
async function work(): Promise<void> {
  await using engine = await startPrivateEngine();
  await using conductor = new Conductor(engine);
  for (;;) {
    const index = interrupted ? undefined : queue.shift();
    if (index === undefined) return;
    await conductOne(conductor, index);
  }
}

async function conductOne(conductor: Conductor, index: number): Promise<void> {
  const fault: Fault = faultOf(seed, index);
  const { outcome, problems, transcript } = await conductor.conduct(fault);
  tally.add(kindOf(fault), outcome);
  console.log(`${tally.total}  #${index}  ${outcome.padEnd(6)}  ${describeFault(fault)}`);
  if (problems.length === 0) return;
  await mkdir(evidence, { recursive: true });
  const file = join(evidence, `${index}.txt`);
  await writeFile(file, [...problems, "", ...transcript, ""].join("\n"));
  for (const problem of problems) console.log(`  LOST: ${problem}`);
  console.log(`  evidence: ${file}`);
  console.log(`  again: npm run test:faults -- --seed ${seed} --only ${index}`);
}
