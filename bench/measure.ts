import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";

/** How one run of a command went. */
export interface Run {
  readonly seconds: number;
  /** The largest resident set of the command's own process. */
  readonly peakBytes: number;
}

const POLL_MS = 20;

/** Runs a command to its end; one that fails ends the benchmark. */
export async function measure(
  command: readonly [string, ...string[]],
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<Run> {
  const [program, ...args] = command;
  const startedMs = performance.now();
  const child = spawn(program, args, { env, stdio: ["ignore", "ignore", "pipe"] });
  let complaint = "";
  child.stderr.on("data", (chunk: Buffer) => (complaint += chunk.toString()));
  let peakBytes = 0;
  const poll = setInterval(() => {
    // VmHWM is a peak already, so that polling misses only the last moments.
    void peakOf(child.pid).then((bytes) => (peakBytes = Math.max(peakBytes, bytes)));
  }, POLL_MS);
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  child.once("error", reject);
  child.once("close", resolve);
  const code = await promise.finally(() => clearInterval(poll));
  const seconds = (performance.now() - startedMs) / 1000;
  if (code !== 0) throw new Error(`${command.join(" ")} ended with ${code}: ${complaint}`);
  return { seconds, peakBytes };
}

async function peakOf(pid: number | undefined): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  const lower = sorted[middle - 1] ?? upper;
  return sorted.length % 2 === 1 ? upper : (lower + upper) / 2;
}
