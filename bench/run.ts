/**
 * npm run bench: snapshot and restore, whole command, beside what the machine can do with tar, zstd
 * and openssl on the same data, in the same run, alternately. docs/performance.md says how to read it.
 */
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { cpus, release, totalmem } from "node:os";
import { join } from "node:path";
import { EngineClient } from "../src/engine/client.ts";
import { createVolume, removeVolume } from "../src/engine/volumes.ts";
import { formatBytes } from "../src/format.ts";
import { canStartPrivateEngine, startPrivateEngine } from "../test/engine/private-engine.ts";
import { makeHalfCompressibleFile, makeSmallFiles } from "./data.ts";
import { measure, median, type Run } from "./measure.ts";

const ROUNDS = 3;
const CLI = new URL("../bin/dockform.cjs", import.meta.url).pathname;

interface Case {
  readonly name: string;
  readonly fill: (folder: string) => Promise<void>;
}

interface Row {
  readonly case: string;
  readonly limitSeconds: number;
  readonly dockformSeconds: number;
  readonly ratio: number;
  readonly peakBytes: number;
}

const CASES: readonly Case[] = [
  {
    name: "1 GiB file",
    fill: (folder) => makeHalfCompressibleFile(join(folder, "data"), 2 ** 30),
  },
  { name: "50,000 files", fill: (folder) => makeSmallFiles(folder, 50_000) },
];

if (!canStartPrivateEngine()) {
  console.error(
    "The benchmark needs root on Linux: it compares with the volume's folder on this host.",
  );
  process.exit(1);
}
await measure([process.execPath, "node_modules/.bin/rolldown", "-c", "rolldown.config.ts"]);
const privateEngine = await startPrivateEngine();
const engine = new EngineClient({ context: "default", host: privateEngine.host });
const folder = await mkdtemp("/var/tmp/dockform-bench-");
try {
  const rows: Row[] = [];
  for (const each of CASES) rows.push(...(await runCase(each)));
  await report(rows);
} finally {
  engine.close();
  await privateEngine.stop();
  await rm(folder, { recursive: true, force: true });
}

async function runCase({ name, fill }: Case): Promise<readonly Row[]> {
  const source = await newVolume("source");
  await fill(source);
  const snapshots: Pair[] = [];
  const restores: Pair[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    snapshots.push({ limit: await limitSnapshot(source), dockform: await dockformSnapshot() });
    restores.push({ limit: await limitRestore(), dockform: await dockformRestore() });
  }
  await removeVolume(engine, "dockform-bench-source");
  return [toRow(`snapshot, ${name}`, snapshots), toRow(`restore, ${name}`, restores)];
}

interface Pair {
  readonly limit: Run;
  readonly dockform: Run;
}

async function newVolume(suffix: string): Promise<string> {
  const volume = await createVolume(engine, {
    name: `dockform-bench-${suffix}`,
    driver: "local",
    driverOpts: {},
    labels: {},
  });
  return volume.mountpoint;
}

async function limitSnapshot(source: string): Promise<Run> {
  const script = `tar -C "$1" -cf - . | zstd -q -3 -T0 | tee "$2" | openssl dgst -sha256`;
  return settled(["sh", "-c", script, "limit", source, limitArchive()]);
}

async function limitRestore(): Promise<Run> {
  const into = join(folder, "into");
  await mkdir(into);
  const script = `openssl dgst -sha256 "$2" && zstd -q -d -c "$2" | tar -C "$1" -xpf -`;
  const run = await settled(["sh", "-c", script, "limit", into, limitArchive()]);
  await rm(into, { recursive: true });
  return run;
}

async function dockformSnapshot(): Promise<Run> {
  await rm(snapshotFolder(), { recursive: true, force: true });
  return settled(
    dockform("volume", "snapshot", "dockform-bench-source", "-o", join(folder, "out")),
  );
}

async function dockformRestore(): Promise<Run> {
  await newVolume("into");
  const archive = (await readdir(snapshotFolder())).find((name) => name.endsWith(".tar.zst"));
  const path = join(snapshotFolder(), archive ?? "");
  const run = await settled(
    dockform("volume", "restore", "--undeclared", "dockform-bench-into", path),
  );
  await removeVolume(engine, "dockform-bench-into");
  return run;
}

/** Measures after what the runs before have left to write is on the disk. */
async function settled(command: readonly [string, ...string[]]): Promise<Run> {
  await measure(["sync"]);
  return measure(command, { ...process.env, DOCKER_HOST: privateEngine.host });
}

function dockform(...args: readonly string[]): readonly [string, ...string[]] {
  return [process.execPath, CLI, ...args];
}

function limitArchive(): string {
  return join(folder, "limit.tar.zst");
}

function snapshotFolder(): string {
  return join(folder, "out", "dockform-bench-source");
}

function toRow(name: string, pairs: readonly Pair[]): Row {
  const limitSeconds = median(pairs.map(({ limit }) => limit.seconds));
  const dockformSeconds = median(pairs.map(({ dockform: run }) => run.seconds));
  return {
    case: name,
    limitSeconds,
    dockformSeconds,
    ratio: dockformSeconds / limitSeconds,
    peakBytes: Math.max(...pairs.map(({ dockform: run }) => run.peakBytes)),
  };
}

async function report(rows: readonly Row[]): Promise<void> {
  const machine = {
    cpu: cpus()[0]?.model,
    cores: cpus().length,
    memory: formatBytes(totalmem()),
    kernel: release(),
    node: process.versions.node,
    engine: await engine.apiVersion(),
  };
  console.log("case                     limit   dockform  ratio  client's peak memory");
  for (const row of rows) {
    const columns = [
      row.case.padEnd(22),
      `${row.limitSeconds.toFixed(2)} s`.padStart(8),
      `${row.dockformSeconds.toFixed(2)} s`.padStart(9),
      row.ratio.toFixed(2).padStart(6),
      formatBytes(row.peakBytes).padStart(8),
    ];
    console.log(columns.join(" "));
  }
  await mkdir("bench/results", { recursive: true });
  await writeFile("bench/results/latest.json", JSON.stringify({ machine, rows }, undefined, 2));
  console.log(`Written to bench/results/latest.json (${machine.cores} cores, ${machine.cpu})`);
}
