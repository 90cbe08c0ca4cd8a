/**
 * npm run bench [-- CASE...]: whole commands of the packed program beside what the machine, the docker
 * CLI or the original can do, in the same run, alternately. docs/performance.md says how to read it.
 */
import { canStartPrivateEngine } from "../test/engine/private-engine.ts";
import { bulkCases } from "./cases/bulk.ts";
import type { Case } from "./cases/case.ts";
import { downtimeCase } from "./cases/downtime.ts";
import { entriesCase } from "./cases/entries.ts";
import { listCase } from "./cases/list.ts";
import { originalCase } from "./cases/original.ts";
import { severalCase } from "./cases/several.ts";
import { smallCase } from "./cases/small.ts";
import { startupCase } from "./cases/startup.ts";
import { topLevelCase } from "./cases/top-level.ts";
import { measure } from "./measure.ts";
import { machineFacts, printTable, writeResults, type Row } from "./report.ts";
import { helperImageOf, Stage } from "./stage.ts";

const CASES: readonly Case[] = [
  startupCase,
  listCase,
  smallCase,
  ...bulkCases,
  severalCase,
  originalCase,
  downtimeCase,
  topLevelCase,
  entriesCase,
];

const wanted = process.argv.slice(2);
const selected = CASES.filter(({ name }) => wanted.length === 0 || wanted.includes(name));
if (!canStartPrivateEngine()) {
  console.error(
    "The benchmark needs root on Linux: it compares with a volume's folder on this host.",
  );
  process.exit(1);
}
if (selected.length === 0) {
  console.error(`The cases are ${CASES.map(({ name }) => name).join(", ")}.`);
  process.exit(1);
}

await measure([process.execPath, "node_modules/.bin/rolldown", "-c", "rolldown.config.ts"]);
await using stage = await Stage.open();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.once(signal, () => {
    void stage[Symbol.asyncDispose]().finally(() => process.exit(1));
  });
}
await helperImageOf(stage);
const secondsByCase: Record<string, number> = {};
const rows: Row[] = [];
for (const each of selected) {
  const sinceMs = performance.now();
  rows.push(...(await each.run(stage)));
  const took = Math.round((performance.now() - sinceMs) / 1000);
  secondsByCase[each.name] = took;
  console.error(`${each.name}: ${took} s`);
}
const machine = await machineFacts(stage);
// Since Node.js started: what is set up before the first case counts.
const seconds = Math.round(process.uptime());
printTable(rows);
const file = await writeResults({
  date: new Date().toISOString(),
  seconds,
  secondsByCase,
  machine,
  rows,
});
console.log(`${JSON.stringify(machine)}\nTook ${seconds} s; written to ${file}`);
