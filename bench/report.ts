import { mkdir, readFile, writeFile } from "node:fs/promises";
import { cpus, release, totalmem } from "node:os";
import { engineInfo } from "../src/engine/system.ts";
import { formatBytes } from "../src/format.ts";
import { median, type Run } from "./measure.ts";
import type { Stage } from "./stage.ts";

/** One line of the table: what was measured, against what, and whether that is what is wanted. */
export interface Row {
  readonly case: string;
  readonly against: string;
  readonly reference: string;
  readonly dockform: string;
  readonly figure: string;
  readonly aim: string;
  readonly met: boolean;
  readonly clientPeakBytes?: number;
  readonly helperPeakBytes?: number;
  /** Everything that was measured, in the order of the rounds. */
  readonly rounds: readonly Readonly<Record<string, number>>[];
}

/** The two sides of one round. */
export interface Pair {
  readonly reference: Run;
  readonly dockform: Run;
}

/** How many times as long as the reference; at most `aim`. */
export function ratioRow(name: string, against: string, aim: number, pairs: readonly Pair[]): Row {
  const { reference, dockform, row } = compared(name, against, pairs);
  const ratio = dockform / reference;
  return { ...row, figure: ratio.toFixed(2), aim: aim.toFixed(2), met: ratio <= aim };
}

/** How many times as fast as the reference; at least `aim`. */
export function fasterRow(name: string, against: string, aim: number, pairs: readonly Pair[]): Row {
  const { reference, dockform, row } = compared(name, against, pairs);
  const factor = reference / dockform;
  return { ...row, figure: `${factor.toFixed(0)} x faster`, aim: `${aim} x`, met: factor >= aim };
}

/** How many milliseconds longer than the reference; at most `aimMs`. */
export function extraRow(
  name: string,
  against: string,
  aimMs: number,
  pairs: readonly Pair[],
): Row {
  const { reference, dockform, row } = compared(name, against, pairs);
  const extraMs = (dockform - reference) * 1000;
  return {
    ...row,
    figure: `+${extraMs.toFixed(0)} ms`,
    aim: `+${aimMs} ms`,
    met: extraMs <= aimMs,
  };
}

/** Against nothing but the clock. */
export function withinRow(name: string, aimSeconds: number, runs: readonly Run[]): Row {
  const took = median(runs.map((run) => run.seconds));
  return {
    case: name,
    against: "the clock",
    reference: "-",
    dockform: seconds(took),
    figure: seconds(took),
    aim: seconds(aimSeconds),
    met: took <= aimSeconds,
    clientPeakBytes: Math.max(...runs.map((run) => run.peakBytes)),
    rounds: runs.map((run) => ({ dockformSeconds: run.seconds })),
  };
}

function compared(name: string, against: string, pairs: readonly Pair[]) {
  const reference = median(pairs.map((pair) => pair.reference.seconds));
  const dockform = median(pairs.map((pair) => pair.dockform.seconds));
  const row = {
    case: name,
    against,
    reference: seconds(reference),
    dockform: seconds(dockform),
    clientPeakBytes: Math.max(...pairs.map((pair) => pair.dockform.peakBytes)),
    helperPeakBytes: Math.max(...pairs.map((pair) => pair.dockform.containersPeakBytes)),
    rounds: pairs.map((pair) => ({
      referenceSeconds: pair.reference.seconds,
      dockformSeconds: pair.dockform.seconds,
    })),
  };
  return { reference, dockform, row };
}

function seconds(value: number): string {
  return value < 1 ? `${(value * 1000).toFixed(0)} ms` : `${value.toFixed(2)} s`;
}

export function printTable(rows: readonly Row[]): void {
  const peak = (bytes: number | undefined): string => (bytes ? formatBytes(bytes) : "-");
  print([
    ["case", "against", "reference", "dockform", "", "aim", "", "client", "helper"],
    ...rows.map((row) => [
      row.case,
      row.against,
      row.reference,
      row.dockform,
      row.figure,
      row.aim,
      row.met ? "met" : "missed",
      peak(row.clientPeakBytes),
      peak(row.helperPeakBytes),
    ]),
  ]);
}

function print(lines: readonly (readonly string[])[]): void {
  const widths = (lines[0] ?? []).map((_, i) =>
    Math.max(...lines.map((line) => line[i]?.length ?? 0)),
  );
  for (const line of lines) {
    console.log(`| ${line.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(" | ")} |`);
    if (line === lines[0]) console.log(`| ${widths.map((n) => "-".repeat(n)).join(" | ")} |`);
  }
}

export async function machineFacts(stage: Stage): Promise<Readonly<Record<string, unknown>>> {
  const { serverVersion } = await engineInfo(stage.engine);
  const os = await readFile("/etc/os-release", "utf8").catch(() => "");
  return {
    cpu: cpus()[0]?.model,
    cores: cpus().length,
    memory: formatBytes(totalmem()),
    system: /^PRETTY_NAME="(.*)"$/m.exec(os)?.[1],
    kernel: release(),
    node: process.versions.node,
    engine: serverVersion,
  };
}

export async function writeResults(results: Readonly<Record<string, unknown>>): Promise<string> {
  await mkdir("bench/results", { recursive: true });
  const file = "bench/results/latest.json";
  await writeFile(file, `${JSON.stringify(results, undefined, 2)}\n`);
  return file;
}
