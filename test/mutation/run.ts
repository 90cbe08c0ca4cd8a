// `npm run test:mutation`: changes the decisions of `restore/` and `lock/` one by one, and has the unit tests find each.
// It takes an hour or more, and its own packages, which are installed beside it.
//
// usage: npm run test:mutation -- [files of src/ to change, divided by commas]
import { spawnSync } from "node:child_process";
import { join } from "node:path";

const folder = import.meta.dirname;
const [files] = process.argv.slice(2);

const env = {
  ...process.env,
  // Fewer stories of deaths for each change: most are found by the first.
  DOCKFORM_TEST_RUNS: "25",
  // A test's process starts in a third of the time where no type has to be stripped.
  NODE_COMPILE_CACHE: join(".stryker", "compile-cache"),
};

run(folder, "npm", ["ci", "--no-audit", "--no-fund", "--silent"]);
run(".", join(folder, "node_modules/.bin/stryker"), [
  "run",
  join(folder, "stryker.config.json"),
  ...(files === undefined ? [] : ["--mutate", files]),
]);

function run(cwd: string, program: string, args: readonly string[]): void {
  const { status, error } = spawnSync(program, args, { cwd, stdio: "inherit", env });
  if (error !== undefined) throw error;
  if (status !== 0) process.exit(status ?? 1);
}
