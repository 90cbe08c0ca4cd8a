// `npm run test:unit`: the tests of the rooms that decide what becomes of a volume, without an engine, and how many of
// those rooms' branches they take. Fails below the threshold, and for a file that no test loads.
import { spawnSync } from "node:child_process";
import { globSync } from "node:fs";

const ROOMS = "src/{restore,lock,workload,capture}";
/** Percent of the branches of all four rooms. */
const BRANCHES = 85;

const tests = globSync(`${ROOMS}/*.test.ts`).toSorted();
const { status } = spawnSync(
  process.execPath,
  [
    "--test",
    "--experimental-test-coverage",
    `--test-coverage-include=${ROOMS}/*.ts`,
    "--test-coverage-exclude=**/*.test.ts",
    `--test-coverage-branches=${BRANCHES}`,
    "test/unit/every-file.test.ts",
    ...tests,
  ],
  { stdio: "inherit" },
);
process.exitCode = status ?? 1;
