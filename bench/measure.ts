import { spawn } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

export type Command = readonly [string, ...string[]];

/** How one run of a command went. */
export interface Run {
  readonly seconds: number;
  readonly stdout: string;
  /** The largest resident set of the command's own process. */
  readonly peakBytes: number;
  /** The most memory that containers held meanwhile; the page cache is not theirs. */
  readonly containersPeakBytes: number;
}

export interface MeasureOptions {
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** The cgroup below which the engine puts its containers. */
  readonly cgroup?: string;
}

const POLL_MS = 50;

/** Runs a command to its end; one that fails ends the benchmark. */
export async function measure(command: Command, options: MeasureOptions = {}): Promise<Run> {
  const { env = process.env, cgroup } = options;
  const [program, ...args] = command;
  const startedMs = performance.now();
  const child = spawn(program, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  let stdout = "";
  let complaint = "";
  child.stdout.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (complaint += chunk.toString()));
  let peakBytes = 0;
  let containersPeakBytes = 0;
  const poll = setInterval(() => {
    // VmHWM is a peak already, so that polling misses only the last moments.
    void peakOf(child.pid).then((bytes) => (peakBytes = Math.max(peakBytes, bytes)));
    if (cgroup === undefined) return;
    void memoryOfContainers(cgroup).then(
      (bytes) => (containersPeakBytes = Math.max(containersPeakBytes, bytes)),
    );
  }, POLL_MS);
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  child.once("error", reject);
  child.once("close", resolve);
  const code = await promise.finally(() => clearInterval(poll));
  const seconds = (performance.now() - startedMs) / 1000;
  if (code !== 0) throw new Error(`${command.join(" ")} ended with ${code}: ${complaint}`);
  return { seconds, stdout, peakBytes, containersPeakBytes };
}

async function peakOf(pid: number | undefined): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
}

/** Processes' own memory and tmpfs, by either version of cgroups. */
async function memoryOfContainers(cgroup: string): Promise<number> {
  for (const root of ["/sys/fs/cgroup/memory", "/sys/fs/cgroup"]) {
    const folders = await readdir(join(root, cgroup), { withFileTypes: true }).catch(() => []);
    const stats = folders
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => readFile(join(root, cgroup, name, "memory.stat"), "utf8").catch(() => ""));
    const sums = (await Promise.all(stats)).map(
      (text) => field(text, "anon") + field(text, "total_rss") + field(text, "shmem"),
    );
    if (sums.length > 0) return sums.reduce((sum, bytes) => sum + bytes, 0);
  }
  return 0;
}

function field(stat: string, name: string): number {
  return Number(new RegExp(`^${name} (\\d+)$`, "m").exec(stat)?.[1] ?? 0);
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  const lower = sorted[middle - 1] ?? upper;
  return sorted.length % 2 === 1 ? upper : (lower + upper) / 2;
}
