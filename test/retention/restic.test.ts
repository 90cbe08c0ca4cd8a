/** The same snapshots, the same rules: what restic keeps is kept. */
import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { applyRetention, type RetentionPolicy } from "../../src/snapshot/retention.ts";
import { needProgram, run } from "../oracle/host.ts";

const skip = process.getuid?.() !== 0 && "installing restic needs root";

/** By UTC: hours, days, weeks, months and years with several and with none. */
const TIMES = [
  "2024-12-30 10:00:00",
  "2024-12-31 23:59:59",
  "2025-01-01 00:00:00",
  "2025-06-15 12:00:00",
  "2026-01-31 08:00:00",
  "2026-02-28 08:00:00",
  "2026-03-30 09:00:00",
  "2026-03-31 09:15:00",
  "2026-03-31 09:45:00",
  "2026-04-26 20:00:00",
  "2026-04-27 00:30:00",
  "2026-04-28 00:30:00",
  "2026-04-28 06:00:00",
  "2026-04-28 06:59:59",
  "2026-04-28 07:00:00",
];

const POLICIES: readonly RetentionPolicy[] = [
  { last: 3 },
  { hourly: 3, daily: 2 },
  { daily: 7, weekly: 4, monthly: 6, yearly: 3 },
  { weekly: 5 },
  { yearly: 10 },
  { within: "1m" },
  { within: "1y2m3d4h", last: 1 },
  { within: "30d", monthly: 2 },
];

let folder = "";
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "dockform-restic-"));
  if (skip !== false) return;
  await needProgram("/usr/bin/restic", "restic");
  await writeFile(join(folder, "file"), "content");
  await restic("init");
  const waiting = TIMES.values();
  const next = async (): Promise<void> => {
    for (const time of waiting) await restic("backup", "--time", time, "file");
  };
  await Promise.all([next(), next(), next()]);
});
after(() => rm(folder, { recursive: true }));

async function restic(...args: readonly string[]): Promise<string> {
  const env = { RESTIC_PASSWORD: "test", RESTIC_REPOSITORY: join(folder, "repository"), TZ: "UTC" };
  const output = await run("/usr/bin/restic", ["--no-cache", "--quiet", ...args], {
    cwd: folder,
    env,
  });
  return output.toString();
}

/** Whether restic keeps the oldest one where a rule finds fewer than it may keep. */
async function keepsOldest(): Promise<boolean> {
  const [, major, minor] = /restic (\d+)\.(\d+)/.exec(await restic("version")) ?? [];
  return Number(major) > 0 || Number(minor) >= 16;
}

for (const policy of POLICIES) {
  test(`restic keeps the same with ${JSON.stringify(policy)}`, { skip }, async () => {
    const flags = Object.entries(policy).flatMap(([rule, value]) => [
      `--keep-${rule}`,
      String(value),
    ]);
    const answer = await restic("forget", "--dry-run", "--json", "--group-by", "", ...flags);
    const [group]: readonly { readonly keep: readonly { readonly time: string }[] }[] =
      JSON.parse(answer);
    const expected = group?.keep.map(({ time }) => new Date(time).toISOString()).toSorted();
    const withOldest = await keepsOldest();
    const snapshots = TIMES.map((time) => ({
      time: new Date(`${time.replace(" ", "T")}Z`),
      note: undefined,
    }));
    const kept = applyRetention(snapshots, policy, new Date())
      .filter(({ keptBy }) => keptBy.some((rule) => withOldest || !rule.startsWith("oldest")))
      .map(({ snapshot }) => snapshot.time.toISOString())
      .toSorted();
    assert.deepEqual(kept, expected);
  });
}
