import { diffSnapshots, LIVE } from "../../app/diff-snapshots.ts";
import { shellWord } from "../../format.ts";
import type { EntryDifference } from "../../tar/compare.ts";
import { displayText } from "../../tar/path.ts";
import type { EntryChange } from "../../tar/record.ts";
import { laidOut } from "../output/layout.ts";
import { inPieces } from "../output/lines.ts";
import { shownJsonWithList } from "../output/shown-text.ts";
import type { ItemOf } from "../documents/documents.ts";
import { textWidth } from "../output/width.ts";
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
  // There may be as many as a volume has entries: they are put into words as they are written.
  if (session.options.json === true) {
    const about = { before: before.archivePath, after: after === LIVE ? LIVE : after.archivePath };
    const items = shownJsonWithList(about, "differences", inTurn(differences.values().map(toJson)));
    await session.streamResult(items);
  } else {
    await session.streamResult(inPieces(inTurn(textLines(differences, session))));
  }
}

async function* inTurn<Item>(items: Iterable<Item>): AsyncGenerator<Item> {
  yield* items;
}

const MARKS = { added: "+", removed: "-", changed: "~" } as const;
const COLOURS = { added: "green", removed: "red", changed: "yellow" } as const;

function* textLines(differences: readonly EntryDifference[], session: Session): Generator<string> {
  if (differences.length === 0) {
    yield "There is no difference.";
    return;
  }
  for (const difference of differences) yield* lines(difference, session);
  const count = (kind: EntryDifference["kind"]): number =>
    differences.filter((difference) => difference.kind === kind).length;
  yield `${count("added")} added, ${count("removed")} removed, ${count("changed")} changed`;
}

function lines(
  { path, kind, type, changes }: EntryDifference,
  { paint, columns }: Session,
): readonly string[] {
  const name = displayText(path) + (type === "folder" ? "/" : "");
  const shown = columns === undefined ? name : shellWord(name);
  const what = paint(COLOURS[kind], `${MARKS[kind]} ${shown}`);
  if (changes.length === 0) return [what];
  const how = changes.map(describe);
  const line = `${what}${paint("dim", `  ${how.join("; ")}`)}`;
  if (columns === undefined || textWidth(line) <= columns) return [line];
  const below = how.map((change) => `    ${change}`);
  return [what, ...laidOut(below, columns).map((each) => paint("dim", each))];
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
