import {
  removedBy,
  type HeldBack,
  type Night,
  type NightlyPruning,
  type NightlySnapshot,
} from "../app/nightly.ts";
import { messageOf } from "../errors.ts";
import { formatAge, formatBytes, formatCount } from "../format.ts";
import { wantsAttention } from "../snapshot/freshness.ts";
import { copyReasonText } from "./copy-reason.ts";
import { intervalText } from "./freshness-view.ts";
import { paragraphs, table } from "./output/table.ts";
import type { Session } from "./session.ts";

type View = Pick<Session, "columns" | "paint">;

/** What a night did, for people: a line for each volume, one for what was removed, one for how all stand. */
export function nightlyText(night: Night, dryRun: boolean, session: View): readonly string[] {
  const { columns } = session;
  const rows = night.snapshots.map((each) => snapshotRow(each, session));
  return paragraphs(table(rows, { columns, names: [1], wraps: true }), [
    ...pruningLines(night.pruning, dryRun),
    ...(dryRun ? ["Dry run: nothing was done."] : [checkLine(night)]),
  ]);
}

function snapshotRow(snapshot: NightlySnapshot, { paint }: View): readonly string[] {
  const { outcome, before } = snapshot;
  const colour = outcome === "failed" ? "red" : "green";
  return [paint(colour, outcome), `${before.context}/${before.volume}`, remark(snapshot)];
}

function remark(snapshot: NightlySnapshot): string {
  const { ageMs, every } = snapshot.before;
  switch (snapshot.outcome) {
    case "written": {
      const { sidecar, why } = snapshot.report;
      const reason = why === undefined ? "" : `: ${copyReasonText(why)}`;
      return `${formatBytes(sidecar.stored_bytes ?? 0)}${reason}`;
    }
    case "failed":
      return messageOf(snapshot.error);
    case "due":
    case "not due":
      return ageMs === undefined
        ? "no snapshot"
        : `newest snapshot is ${formatAge(Math.max(0, ageMs))} old, wanted every ${intervalText(every)}`;
    case "unchanged":
    case "not wanted":
      return "";
  }
}

function pruningLines(pruning: readonly NightlyPruning[], dryRun: boolean): readonly string[] {
  const going = pruning.flatMap(removedBy);
  const bytes = formatBytes(going.reduce((sum, { storedBytes }) => sum + storedBytes, 0));
  const heldBack = (why: HeldBack): readonly string[] =>
    pruning.filter((each) => each.heldBack === why).map(({ title }) => title);
  const [unread, future] = [heldBack("failed"), heldBack("future")];
  const hasRules = pruning.some((each) => each.hasRules);
  const failed = pruning.filter(({ failures }) => failures.length > 0).map(({ title }) => title);
  const count = formatCount(going.length, "snapshot");
  return [
    ...(hasRules ? [`${dryRun ? "To be removed" : "Removed"}: ${count}, ${bytes}`] : []),
    ...(failed.length === 0 ? [] : [`Not all of them could be removed: ${failed.join(", ")}`]),
    ...(unread.length === 0
      ? []
      : [`All were kept, since the snapshot failed: ${unread.join(", ")}`]),
    ...(future.length === 0
      ? []
      : [`All were kept, since the newest one is from the future: ${future.join(", ")}`]),
  ];
}

function checkLine({ freshness }: Night): string {
  const good = freshness.filter(({ state }) => !wantsAttention(state)).length;
  const verbs = freshness.length === 1 ? ["has", "needs"] : ["have", "need"];
  return `${good} of ${formatCount(freshness.length, "declared volume")} ${verbs[0]} a snapshot that is fresh enough, or ${verbs[1]} none`;
}
