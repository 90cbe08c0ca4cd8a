/** What `npm run test:engines` has found, and the page that tells it. */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Test files by the column that they are counted in. */
export const GROUPS: Readonly<Record<string, readonly string[]>> = {
  contract: ["test/contract/engine.test.ts"],
  "main job": ["test/e2e/engine/main-job.test.ts"],
};

export interface EngineResult {
  readonly name: string;
  readonly version: string;
  /** 2026-11-28 */
  readonly date: string;
  readonly groups: Readonly<Record<string, readonly [passed: number, failed: number]>>;
}

const RESULTS = join(import.meta.dirname, "results.json");
const PAGE = join(import.meta.dirname, "../../docs/engines.md");
const MARKS = ["<!-- results -->", "<!-- end of results -->"] as const;

/** One table, a row an engine. */
export function describeResults(results: readonly EngineResult[]): string {
  const titles = [...new Set(results.flatMap(({ groups }) => Object.keys(groups)))];
  const rows = results.map(({ name, version, date, groups }) => [
    name,
    version,
    ...titles.map((title) => describeCounts(groups[title])),
    date,
  ]);
  const lines = [["engine", "version", ...titles, "date"], ...rows];
  const widths = lines[0]?.map((_, i) => Math.max(...lines.map((line) => line[i]?.length ?? 0)));
  const [head, ...others] = lines.map((line) =>
    line.map((cell, i) => cell.padEnd(widths?.[i] ?? 0)),
  );
  const rule = widths?.map((width) => "-".repeat(width));
  return [head, rule, ...others].map((cells) => `| ${cells?.join(" | ")} |`).join("\n");
}

/** Over all engines. */
export function sumOf(results: readonly EngineResult[]): readonly [passed: number, failed: number] {
  const counts = results.flatMap(({ groups }) => Object.values(groups));
  return [
    counts.reduce((sum, [passed]) => sum + passed, 0),
    counts.reduce((sum, [, failed]) => sum + failed, 0),
  ];
}

function describeCounts(counts: readonly [number, number] | undefined): string {
  if (counts === undefined) return "";
  const [passed, failed] = counts;
  return `${passed} of ${passed + failed}`;
}

/** Those of engines that were not tested stay. */
export async function writeResults(results: readonly EngineResult[]): Promise<void> {
  // Our own writing.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const known = JSON.parse(await readFile(RESULTS, "utf8")) as readonly EngineResult[];
  const newer = new Set(results.map(({ name }) => name));
  const all = [...known.filter(({ name }) => !newer.has(name)), ...results].toSorted((a, b) =>
    a.name.localeCompare(b.name),
  );
  await writeFile(RESULTS, `${JSON.stringify(all, null, 2)}\n`);
  const page = await readFile(PAGE, "utf8");
  const [before = ""] = page.split(MARKS[0]);
  const [, after = ""] = page.split(MARKS[1]);
  await writeFile(PAGE, `${before}${MARKS[0]}\n\n${describeResults(all)}\n\n${MARKS[1]}${after}`);
}
