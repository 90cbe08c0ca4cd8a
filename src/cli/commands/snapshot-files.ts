import type { TarEntry } from "../../tar/entries.ts";
import { listingLine } from "../../tar/listing.ts";
import { displayText, entryPath, isWithin } from "../../tar/path.ts";
import { timeText } from "../../tar/record.ts";
import { Archive } from "../../archive/archive.ts";
import { ArchivePass } from "../../archive/pass.ts";
import { inPieces } from "../output/lines.ts";
import type { ItemOf } from "../documents/documents.ts";
import type { Session } from "../session.ts";
import type { SnapshotFilesOptions } from "../spec/snapshot.ts";
import { notInArchive, typedPath } from "../../app/typed-path.ts";

export async function snapshotFiles(
  session: Session,
  reference: string,
  path: string | undefined,
  options: SnapshotFilesOptions,
): Promise<void> {
  using workspace = await session.openWorkspace(options.store);
  const catalog = workspace.catalog();
  await using archive = await Archive.open(await catalog.find(reference));
  using pass = new ArchivePass(archive, "Reading", session.tools);
  const wanted = typedPath(path ?? ".");
  let found = 0;
  const entries = async function* (): AsyncGenerator<TarEntry> {
    for await (const entry of pass.reader.entries()) {
      if (!isWithin(entryPath(entry.path), wanted)) continue;
      found += 1;
      yield entry;
    }
  };
  const isJson = session.options.json === true;
  const listed = isJson ? await Array.fromAsync(entries(), toJson) : [];
  // Lines go out as they come, whatever their number.
  if (!isJson && !(await session.streamResult(inPieces(lines(entries()))))) return;
  if (found === 0 && path !== undefined) throw notInArchive(path, archive.path);
  if (isJson) session.result<"snapshot files">({ archive: archive.path, entries: listed }, []);
}

async function* lines(entries: AsyncIterable<TarEntry>): AsyncGenerator<string> {
  for await (const entry of entries) yield listingLine(entry);
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
