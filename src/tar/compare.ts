import type { EntryType, TarEntry } from "./entries.ts";
import type { ByteText } from "./header.ts";
import { EntryIndex } from "./index.ts";
import { entryPath } from "./path.ts";
import {
  change,
  isSameRecord,
  recordChanges,
  recordOf,
  type EntryChange,
  type EntryRecord,
} from "./record.ts";

/** What became of one path. */
export interface EntryDifference {
  readonly path: ByteText;
  readonly kind: "added" | "removed" | "changed";
  /** After, or before where it was removed. */
  readonly type: EntryType;
  /** Of an entry that was changed: in what. */
  readonly changes: readonly EntryChange[];
}

/** Which paths a comparison leaves out, e.g. names that are not data. */
export type LeaveOut = (path: ByteText) => boolean;

const NOTHING: LeaveOut = () => false;

/**
 * Compares what two streams of entries hold: content, size, type, owner, mode, time to the nanosecond,
 * targets, devices, attributes, ACLs and which names are hard links of one file. The order of entries,
 * the spelling of paths and where holes are make no difference.
 *
 * One stream is read after the other. Memory grows with the number of entries, by their path and some 65
 * bytes each, and with the number of differences.
 *
 * @returns the differences in the order of their paths.
 */
export async function compareEntries(
  before: AsyncIterable<TarEntry>,
  after: AsyncIterable<TarEntry>,
  leaveOut: LeaveOut = NOTHING,
): Promise<readonly EntryDifference[]> {
  const contents = await readContents(before, leaveOut);
  return compareWithContents(contents, after, leaveOut);
}

/** What {@link readContents} remembers of a stream. */
class Contents {
  readonly index = new EntryIndex();
  readonly links = new HardLinks();
}

/** Reads a stream of entries to its end, to compare another one with it later. */
async function readContents(
  entries: AsyncIterable<TarEntry>,
  leaveOut: LeaveOut = NOTHING,
): Promise<Contents> {
  const contents = new Contents();
  const { index, links } = contents;
  for await (const entry of entries) {
    const path = entryPath(entry.path);
    if (leaveOut(path)) continue;
    const target = links.add(path, entry);
    const number = target === undefined ? undefined : index.find(target);
    index.set(path, number === undefined ? await recordOf(entry) : index.record(number));
  }
  return contents;
}

/** As {@link compareEntries}, where one side was read before. */
async function compareWithContents(
  before: Contents,
  after: AsyncIterable<TarEntry>,
  leaveOut: LeaveOut = NOTHING,
): Promise<readonly EntryDifference[]> {
  const { index } = before;
  const seen = new Uint8Array(index.size);
  const links = new HardLinks();
  // Only what is not as it was before; the rest can be looked up there.
  const others = new Map<ByteText, EntryRecord>();
  const recordAfter = (path: ByteText): EntryRecord | undefined => {
    const number = index.find(path);
    const same = number !== undefined && seen[number] === 1 ? index.record(number) : undefined;
    return others.get(path) ?? same;
  };
  for await (const entry of after) {
    const path = entryPath(entry.path);
    if (leaveOut(path)) continue;
    const target = links.add(path, entry);
    const linked = target === undefined ? undefined : recordAfter(target);
    const record = linked ?? (await recordOf(entry));
    const number = index.find(path);
    if (number !== undefined) seen[number] = 1;
    // Of two entries with one path the last one counts.
    if (number !== undefined && isSameRecord(index.record(number), record)) others.delete(path);
    else others.set(path, record);
  }
  return [
    ...differing(index, others, linkChanges(before, links, recordAfter)),
    ...missing(index, seen),
  ].toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

function differing(
  index: EntryIndex,
  others: ReadonlyMap<ByteText, EntryRecord>,
  links: Map<ByteText, LinkChange>,
): readonly EntryDifference[] {
  const differences: EntryDifference[] = [];
  for (const [path, record] of others) {
    const { type } = record;
    const number = index.find(path);
    if (number === undefined) {
      differences.push({ path, kind: "added", type, changes: [] });
      continue;
    }
    const changes = [
      ...recordChanges(index.record(number), record),
      ...(links.get(path)?.changes ?? []),
    ];
    links.delete(path);
    differences.push({ path, kind: "changed", type, changes });
  }
  for (const [path, { type, changes }] of links) {
    differences.push({ path, kind: "changed", type, changes });
  }
  return differences;
}

function missing(index: EntryIndex, seen: Uint8Array): readonly EntryDifference[] {
  const differences: EntryDifference[] = [];
  for (let number = 0; number < index.size; number += 1) {
    if (seen[number] === 1) continue;
    const { type } = index.record(number);
    differences.push({ path: index.path(number), kind: "removed", type, changes: [] });
  }
  return differences;
}

interface LinkChange {
  readonly type: EntryType;
  readonly changes: readonly EntryChange[];
}

/** What is there before and after, but as another name of another file. */
function linkChanges(
  before: Contents,
  after: HardLinks,
  recordAfter: (path: ByteText) => EntryRecord | undefined,
): Map<ByteText, LinkChange> {
  const [firstBefore, firstAfter] = [before.links.firstNames(), after.firstNames()];
  const changed = new Map<ByteText, LinkChange>();
  for (const path of new Set([...firstBefore.keys(), ...firstAfter.keys()])) {
    const record = recordAfter(path);
    if (record === undefined || before.index.find(path) === undefined) continue;
    const changes = change("hard link to", firstBefore.get(path), firstAfter.get(path));
    if (changes.length > 0) changed.set(path, { type: record.type, changes });
  }
  return changed;
}

/**
 * Which paths are names of one file. Archives of one tree may differ in which of the names comes first
 * and has the data.
 */
class HardLinks {
  readonly #targets = new Map<ByteText, ByteText>();

  /** Takes note of an entry; returns the path that has its data where it is a hard link. */
  add(path: ByteText, entry: TarEntry): ByteText | undefined {
    if (entry.type !== "hardlink") {
      if (this.#targets.size > 0) this.#targets.delete(path);
      return undefined;
    }
    const target = entryPath(entry.linkTarget);
    // A link to a link: both are names of what that one is a name of.
    this.#targets.set(path, this.#targets.get(target) ?? target);
    return target;
  }

  /** For each path that has others beside it, the first of them all. */
  firstNames(): ReadonlyMap<ByteText, ByteText> {
    const first = new Map<ByteText, ByteText>();
    for (const [path, target] of this.#targets) {
      const known = first.get(target) ?? target;
      first.set(target, path < known ? path : known);
    }
    for (const [path, target] of this.#targets) first.set(path, first.get(target) ?? target);
    return first;
  }
}
