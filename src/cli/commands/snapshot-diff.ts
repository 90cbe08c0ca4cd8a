import { DockformError } from "../../errors.ts";
import { isReservedPath } from "../../snapshot/reserved.ts";
import { compareEntries, type EntryDifference } from "../../tar/compare.ts";
import type { TarEntry } from "../../tar/entries.ts";
import { displayText } from "../../tar/path.ts";
import type { EntryChange } from "../../tar/record.ts";
import { Archive } from "../../archive/archive.ts";
import { ArchivePass } from "../../archive/pass.ts";
import { liveEntries } from "../../capture/live-entries.ts";
import type { ArchiveInStore } from "../../store/store.ts";
import type { Session } from "../session.ts";
import type { SnapshotDiffOptions } from "../spec/snapshot.ts";
import type { FoundSnapshot } from "../../app/catalog.ts";
import type { Workspace } from "../../app/workspace.ts";

/** In place of a snapshot: what the volume holds at this moment. */
const LIVE = "live";

export async function snapshotDiff(
  session: Session,
  from: string,
  to: string,
  options: SnapshotDiffOptions,
): Promise<void> {
  using workspace = await session.openWorkspace(options.store);
  const catalog = workspace.catalog();
  const before = await catalog.find(from);
  const after = to === LIVE ? LIVE : await catalog.find(to, before.volume);
  const differences = await compareEntries(
    archiveEntries(before, session),
    after === LIVE ? liveEntriesOf(before, workspace, session) : archiveEntries(after, session),
    isReservedPath,
  );
  session.result(
    {
      before: before.archivePath,
      after: after === LIVE ? LIVE : after.archivePath,
      differences: differences.map(toJson),
    },
    toText(differences, session),
  );
}

async function* archiveEntries(
  snapshot: ArchiveInStore,
  session: Session,
): AsyncGenerator<TarEntry> {
  await using archive = await Archive.open(snapshot);
  using pass = new ArchivePass(archive, "Reading", session.tools);
  yield* pass.reader.entries();
}

async function* liveEntriesOf(
  { volume }: FoundSnapshot,
  workspace: Workspace,
  session: Session,
): AsyncGenerator<TarEntry> {
  if (volume === undefined) {
    throw new DockformError(
      "snapshot.no-volume-named",
      "a path does not say which volume to compare with",
      {
        hint: "Name the snapshot by its volume, as in `dockform snapshot diff myapp_data@latest live`.",
      },
    );
  }
  yield* liveEntries(await workspace.target(volume), session.tools);
}

const MARKS = { added: "+", removed: "-", changed: "~" } as const;
const COLOURS = { added: "green", removed: "red", changed: "yellow" } as const;

function toText(differences: readonly EntryDifference[], session: Session): string {
  if (differences.length === 0) return "There is no difference.";
  const count = (kind: EntryDifference["kind"]): number =>
    differences.filter((difference) => difference.kind === kind).length;
  const total = `${count("added")} added, ${count("removed")} removed, ${count("changed")} changed`;
  return [...differences.map((difference) => line(difference, session)), total].join("\n");
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

function toJson({ path, kind, type, changes }: EntryDifference): unknown {
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
