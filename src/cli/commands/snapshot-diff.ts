import { diffSnapshots, LIVE } from "../../app/diff-snapshots.ts";
import type { EntryDifference } from "../../tar/compare.ts";
import { displayText } from "../../tar/path.ts";
import type { EntryChange } from "../../tar/record.ts";
import type { ItemOf } from "../documents/documents.ts";
import type { Session } from "../session.ts";
import type { SnapshotDiffOptions } from "../spec/snapshot.ts";

export async function snapshotDiff(
  session: Session,
  from: string,
  to: string,
  options: SnapshotDiffOptions,
): Promise<void> {
  using workspace = await session.openWorkspace(options);
  const { before, after, differences } = await diffSnapshots(workspace, from, to, session.tools);
  session.result<"snapshot diff">(
    {
      before: before.archivePath,
      after: after === LIVE ? LIVE : after.archivePath,
      differences: differences.map(toJson),
    },
    toText(differences, session),
  );
}

const MARKS = { added: "+", removed: "-", changed: "~" } as const;
const COLOURS = { added: "green", removed: "red", changed: "yellow" } as const;

function toText(differences: readonly EntryDifference[], session: Session): readonly string[] {
  if (differences.length === 0) return ["There is no difference."];
  const count = (kind: EntryDifference["kind"]): number =>
    differences.filter((difference) => difference.kind === kind).length;
  const total = `${count("added")} added, ${count("removed")} removed, ${count("changed")} changed`;
  return [...differences.map((difference) => line(difference, session)), total];
}

function line({ path, kind, type, changes }: EntryDifference, { paint }: Session): string {
  const shown = displayText(path) + (type === "folder" ? "/" : "");
  const how = changes.length === 0 ? "" : `  ${changes.map(describe).join("; ")}`;
  return `${paint(COLOURS[kind], `${MARKS[kind]} ${shown}`)}${paint("dim", how)}`;
}

/** Digests say nothing to people; all else is shown before and after. */
function describe({ what, before, after }: EntryChange): string {
  if (what === "content") return "content";
  const name = displayText(what);
  if (before === undefined) return `${name} added`;
  if (after === undefined) return `${name} removed`;
  return `${name} ${displayText(before)} -> ${displayText(after)}`;
}

function toJson({
  path,
  kind,
  type,
  changes,
}: EntryDifference): ItemOf<"snapshot diff", "differences"> {
  return {
    path: displayText(path),
    kind,
    type,
    changes: changes.map(({ what, before, after }) => ({
      what: displayText(what),
      before: before === undefined ? null : displayText(before),
      after: after === undefined ? null : displayText(after),
    })),
  };
}
