import { DockformError } from "../errors.ts";
import type { DataPiece, TarEntry } from "../tar/entries.ts";
import type { ByteText } from "../tar/header.ts";
import { displayText, entryPath } from "../tar/path.ts";
import type { Archive } from "./archive.ts";
import { ArchivePass } from "./pass.ts";
import type { Tools } from "../tools.ts";

const ZEROS = new Uint8Array(1 << 16);

/**
 * The content of one file of an archive, holes as zeros. The archive is read to its end before the first
 * byte comes out, so that nothing of a damaged one passes for a file; and then once more.
 *
 * @returns `undefined` where the archive has no such path.
 * @throws DockformError `usage` for what is no file, `integrity` for an archive that is damaged.
 */
export async function fileContent(
  archive: Archive,
  path: ByteText,
  tools: Tools,
): Promise<AsyncIterable<Uint8Array> | undefined> {
  const place = await findFile(archive, path, tools);
  return place === undefined ? undefined : contentAt(archive, place, tools);
}

/** Where the entry with a file's data begins. Of several of one path the last one counts. */
async function findFile(
  archive: Archive,
  path: ByteText,
  tools: Tools,
): Promise<number | undefined> {
  const found = await lastEntry(archive, path, tools);
  if (found === undefined || found.type === "file") return found?.positionBytes;
  if (found.type !== "hardlink") throw notAFile(found);
  // The data is with another name.
  const target = await lastEntry(archive, entryPath(found.linkTarget), tools);
  if (target?.type === "file") return target.positionBytes;
  throw notAFile(target ?? found);
}

async function lastEntry(
  archive: Archive,
  path: ByteText,
  tools: Tools,
): Promise<TarEntry | undefined> {
  using pass = new ArchivePass(archive, "Reading", tools);
  let found: TarEntry | undefined;
  for await (const entry of pass.reader.entries()) {
    if (entryPath(entry.path) === path) found = entry;
  }
  return found;
}

function notAFile({ path, type, linkTarget }: TarEntry): DockformError {
  const shown = displayText(entryPath(path));
  const what = type === "symlink" ? `a symbolic link to ${displayText(linkTarget)}` : `a ${type}`;
  return new DockformError("archive.not-a-regular-file", `${shown} is ${what}, not a file`, {
    advice: [{ code: "extract-instead" }],
  });
}

async function* contentAt(
  archive: Archive,
  positionBytes: number,
  tools: Tools,
): AsyncGenerator<Uint8Array> {
  using pass = new ArchivePass(archive, "Reading", tools);
  for await (const entry of pass.reader.entries()) {
    if (entry.positionBytes === positionBytes)
      return yield* withZeros(entry.data(), entry.sizeBytes);
  }
}

async function* withZeros(
  data: AsyncIterable<DataPiece>,
  sizeBytes: number,
): AsyncGenerator<Uint8Array> {
  let position = 0;
  for await (const { positionBytes, bytes } of data) {
    yield* zeros(positionBytes - position);
    yield bytes;
    position = positionBytes + bytes.length;
  }
  yield* zeros(sizeBytes - position);
}

function* zeros(count: number): Generator<Uint8Array> {
  for (let missing = count; missing > 0; missing -= ZEROS.length) {
    yield ZEROS.subarray(0, Math.min(missing, ZEROS.length));
  }
}
