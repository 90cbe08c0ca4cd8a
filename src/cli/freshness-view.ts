import type { DeclaredFreshness } from "../app/freshness.ts";
import { DockformError } from "../errors.ts";
import { formatAge, formatCount, timeOrNull } from "../format.ts";
import { wantsAttention } from "../snapshot/freshness.ts";
import type { Freshness } from "../store/freshness.ts";
import type { ItemOf } from "./documents/documents.ts";

/** What there is to say of a volume's snapshots: `no snapshot`. */
export function freshnessRemark({ state, ageMs = 0, every, newest, damaged }: Freshness): string {
  switch (state) {
    case "missing":
      return "no snapshot";
    case "stale":
      return `newest snapshot is ${formatAge(ageMs)} old, wanted every ${intervalText(every)}`;
    case "future":
      return `newest snapshot is from ${formatAge(-ageMs)} in the future: a clock was wrong`;
    case "damaged":
      return `${damageText(damaged)}; ${newest === undefined ? "there is no good one" : `the newest good one is ${formatAge(Math.max(0, ageMs))} old`}`;
    case "fresh":
    case "present":
      return `newest snapshot is ${formatAge(Math.max(0, ageMs))} old`;
    case "excluded":
      return "the manifest says that none is needed";
  }
}

function damageText([first, ...others]: Freshness["damaged"]): string {
  const problem = first?.problem ?? "unknown damage";
  return others.length === 0
    ? `a snapshot is damaged (${problem})`
    : `${formatCount(others.length + 1, "snapshot")} are damaged (one: ${problem})`;
}

export function intervalText(every: Freshness["every"]): string {
  if (every === undefined) return "-";
  return every === "never" ? every : every.text;
}

const DAMAGED_HINT =
  "Damaged ones are reported until `dockform snapshot verify` finds them good, or they are removed; `dockform snapshot list` shows them.";

/**
 * For monitoring: ends the command with an exit code of its own.
 *
 * @param declared all volumes that are declared, of which nothing may be known yet.
 * @throws DockformError `stale` when one of the volumes wants attention, `manifest` when none is declared.
 */
export function checkFreshness(
  volumes: readonly DeclaredFreshness[],
  declared: readonly unknown[] = volumes,
): void {
  if (declared.length === 0) {
    throw new DockformError("manifest.no-volumes", "no volume is declared: nothing was checked", {
      hint: "Run it in the folder of the manifest, and declare the volumes to check there.",
    });
  }
  const error = freshnessError(volumes);
  if (error !== undefined) throw error;
}

/** What is wrong with those that want attention; `undefined` where none does. */
export function freshnessError(volumes: readonly DeclaredFreshness[]): DockformError | undefined {
  const wanting = volumes.filter(({ state }) => wantsAttention(state));
  if (wanting.length === 0) return undefined;
  const named = wanting.map((each) => `${each.volume}: ${freshnessRemark(each)}`);
  return new DockformError(
    "snapshot.stale",
    `${formatCount(wanting.length, "declared volume")} without a snapshot that is fresh enough: ${named.join("; ")}`,
    {
      hint: [
        "Take one with `dockform volume snapshot`. A volume that needs none says `snapshot: { every: never }`.",
        ...(wanting.some(({ state }) => state === "damaged") ? [DAMAGED_HINT] : []),
      ].join(" "),
      data: { volumes: wanting.map(({ context, volume, state }) => ({ context, volume, state })) },
    },
  );
}

/** As `--json` prints it. */
export function freshnessDocument(volume: DeclaredFreshness): ItemOf<"snapshot status", "volumes"> {
  const { state, every, newest, unchangedAt, ageMs, assurance, damaged } = volume;
  return {
    context: volume.context,
    volume: volume.volume,
    state,
    attention: wantsAttention(state),
    every: every === undefined ? null : intervalText(every),
    newest_snapshot: newest?.archivePath ?? null,
    created_at: timeOrNull(newest?.time),
    taken_at: timeOrNull(newest?.time),
    unchanged_at: timeOrNull(unchangedAt),
    age_seconds: ageMs === undefined ? null : Math.floor(ageMs / 1000),
    verified_at: timeOrNull(assurance.verifiedAt),
    proven_at: timeOrNull(assurance.provenAt),
    unhealthy_at: timeOrNull(assurance.unhealthyAt),
    damage: damaged[0]?.problem ?? null,
    damaged_snapshots: damaged.map(({ path }) => path),
  };
}
