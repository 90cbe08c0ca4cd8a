import type { TarEntry } from "../../tar/entries.ts";
import type { ByteText } from "../../tar/header.ts";
import { displayText, entryPath, isWithin } from "../../tar/path.ts";
import { timeText } from "../../tar/record.ts";
import { Archive } from "../../archive/archive.ts";
import { ArchivePass } from "../../archive/pass.ts";
import type { Tools } from "../../tools.ts";
import { inPieces } from "../output/lines.ts";
import { shownJsonWithList } from "../output/shown-text.ts";
import type { ItemOf } from "../documents/documents.ts";
import { listingLines } from "../listing-view.ts";
import type { Session } from "../session.ts";
import type { SnapshotFilesOptions } from "../spec/snapshot.ts";
import { notInArchive, typedPath } from "../../app/typed-path.ts";

export async function snapshotFiles(
  session: Session,
  reference: string,
  path: string | undefined,
  options: SnapshotFilesOptions,
): Promise<void> {
  using workspace = await session.openWorkspace(options);
  const catalog = workspace.catalog();
  await using archive = await Archive.open(await catalog.find(reference));
  const wanted = typedPath(path ?? ".");
  const { tools } = session;
  if (session.options.json === true) {
    // All of it is read before the first byte goes out: a document is whole, or it is an error.
    const found = await countOf(entriesIn(archive, wanted, tools));
    if (found === 0 && path !== undefined) throw notInArchive(path, archive.path);
    const items = jsonItems(entriesIn(archive, wanted, tools));
    await session.streamResult(shownJsonWithList({ archive: archive.path }, "entries", items));
    return;
  }
  let found = 0;
  const counted = async function* (): AsyncGenerator<string> {
    for await (const entry of entriesIn(archive, wanted, tools)) {
      found += 1;
      yield* listingLines(entry, session);
    }
  };
  // Lines go out as they come, whatever their number.
  if (!(await session.streamResult(inPieces(counted())))) return;
  if (found === 0 && path !== undefined) throw notInArchive(path, archive.path);
}

async function* entriesIn(
  archive: Archive,
  wanted: ByteText,
  tools: Tools,
): AsyncGenerator<TarEntry> {
  using pass = new ArchivePass(archive, "Reading", tools);
  for await (const entry of pass.reader.entries()) {
    if (isWithin(entryPath(entry.path), wanted)) yield entry;
  }
}

async function countOf(entries: AsyncIterable<TarEntry>): Promise<number> {
  let count = 0;
  for await (const _ of entries) count += 1;
  return count;
}

async function* jsonItems(
  entries: AsyncIterable<TarEntry>,
): AsyncGenerator<ItemOf<"snapshot files", "entries">> {
  for await (const entry of entries) yield toJson(entry);
}

function toJson(entry: TarEntry): ItemOf<"snapshot files", "entries"> {
  const { type, mode, uid, gid, sizeBytes, mtimeNs, linkTarget, device, xattrs } = entry;
  return {
    path: displayText(entryPath(entry.path)),
    type,
    mode: mode.toString(8).padStart(4, "0"),
    uid,
    gid,
    size_bytes: sizeBytes,
    mtime: timeText(mtimeNs),
    link_target: linkTarget === "" ? null : displayText(linkTarget),
    device: device === undefined ? null : `${device.major}:${device.minor}`,
    attributes: Object.fromEntries(
      [...xattrs].map(([name, value]) => [displayText(name), value.toString("base64")]),
    ),
  };
}
