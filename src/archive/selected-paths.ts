import { DockformError } from "../errors.ts";
import type { ByteSource } from "../byte-source.ts";
import type { Sidecar } from "../snapshot/sidecar.ts";
import { storedChecksum } from "../snapshot/sidecar.ts";
import type { TarEntry } from "../tar/entries.ts";
import type { ByteText } from "../tar/header.ts";
import { Layout } from "../tar/layout.ts";
import { displayText, entryPath, isWithin, ROOT_PATH } from "../tar/path.ts";
import { END_MARK_BYTES, RECORD_BYTES } from "../tar/write.ts";
import { checksumMismatch, type ArchiveContents } from "./archive.ts";
import { ArchivePass } from "./pass.ts";
import type { ArchiveSource, StoredSource } from "./source.ts";
import type { Digest } from "./digest.ts";
import { refusePartial } from "./survey.ts";
import type { Tools } from "../tools.ts";

/** Part of a tar stream: headers and content of one entry, or of several that follow each other. */
interface Range {
  readonly startBytes: number;
  readonly endBytes: number;
}

/** Some paths of an archive, as an archive of its own: the entries as they are stored, and no others. */
export interface SelectedPaths {
  readonly source: ArchiveSource;
  readonly contents: ArchiveContents;
  /** Without those that lie in another one. */
  readonly paths: readonly ByteText[];
  /** Where all entries of the archive lie. */
  readonly layout: Layout;
}

/**
 * Reads an archive to its end, which checks it, and takes note of where the paths are in it.
 *
 * @throws DockformError `integrity` when the archive is damaged or not what its sidecar says, `usage` when
 * it does not hold one of the paths.
 */
export async function selectPaths(
  archive: StoredSource,
  sidecar: Sidecar | undefined,
  wanted: readonly ByteText[],
  tools: Tools,
): Promise<SelectedPaths> {
  for (const path of wanted) refuseOutside(path);
  const paths = outermost(wanted);
  const first = await findEntries(archive, paths, new Set(), tools);
  const expected = sidecar && storedChecksum(sidecar, archive.format);
  if (expected !== undefined && first.sha256 !== expected) {
    throw checksumMismatch(archive, expected, first.sha256);
  }
  // A folder of an incremental dump would take the place of one that holds more.
  refusePartial(archive, first.notDumped);
  refuseMissing(archive, paths, first.found);
  // A hard link can only be made beside the file that it is another name of.
  const found =
    first.linkTargets.size === 0
      ? first
      : await findEntries(archive, paths, first.linkTargets, tools);
  const tarBytes = paddedBytes(found.ranges);
  const { entries, sha256 } = found;
  return {
    source: new SelectedRanges(archive, found.ranges, tools.signal),
    contents: { tarBytes, entries, sha256 },
    paths,
    layout: first.layout,
  };
}

function refuseOutside(path: ByteText): void {
  if (path !== ROOT_PATH && !path.split("/").includes("..")) return;
  throw new DockformError(
    "archive.path-invalid",
    `"${displayText(path)}" is not a path inside a volume`,
    {
      advice: [{ code: "path-as-listed-or-all" }],
    },
  );
}

function outermost(paths: readonly ByteText[]): readonly ByteText[] {
  const different = [...new Set(paths)];
  return different.filter(
    (path) => !different.some((other) => other !== path && isWithin(path, other)),
  );
}

interface FoundEntries {
  readonly ranges: readonly Range[];
  readonly entries: number;
  readonly found: ReadonlySet<ByteText>;
  /** What selected hard links are other names of, where that is not selected. */
  readonly linkTargets: ReadonlySet<ByteText>;
  readonly sha256: string;
  /** What an incremental dump names and does not hold. */
  readonly notDumped: ByteText | undefined;
  readonly layout: Layout;
}

async function findEntries(
  archive: ArchiveSource,
  paths: readonly ByteText[],
  besides: ReadonlySet<ByteText>,
  tools: Tools,
): Promise<FoundEntries> {
  using pass = new ArchivePass(archive, "Checking", tools);
  const isSelected = (path: ByteText): boolean => paths.some((wanted) => isWithin(path, wanted));
  const isParent = (path: ByteText, { type }: TarEntry): boolean =>
    type === "folder" && (path === ROOT_PATH || paths.some((wanted) => isWithin(wanted, path)));
  const ranges: Range[] = [];
  const layout = new Layout();
  const found = new Set<ByteText>();
  const linkTargets = new Set<ByteText>();
  let entries = 0;
  let startBytes: number | undefined;
  for await (const entry of pass.reader.entries()) {
    if (startBytes !== undefined) addRange(ranges, startBytes, entry.positionBytes);
    const path = entryPath(entry.path);
    layout.add(path, entry.type);
    const selected = isSelected(path);
    for (const wanted of selected ? paths : []) if (isWithin(path, wanted)) found.add(wanted);
    const target = entry.type === "hardlink" ? entryPath(entry.linkTarget) : undefined;
    if (selected && target !== undefined && !isSelected(target)) linkTargets.add(target);
    const taken = selected || isParent(path, entry) || besides.has(path);
    startBytes = taken ? entry.positionBytes : undefined;
    if (taken) entries += 1;
  }
  if (startBytes !== undefined) addRange(ranges, startBytes, pass.reader.endMarkBytes);
  const { notDumped } = pass.reader;
  return { ranges, entries, found, linkTargets, sha256: pass.sha256(), notDumped, layout };
}

function addRange(ranges: Range[], startBytes: number, endBytes: number): void {
  const last = ranges.at(-1);
  if (last?.endBytes === startBytes) ranges[ranges.length - 1] = { ...last, endBytes };
  else ranges.push({ startBytes, endBytes });
}

function refuseMissing(
  archive: ArchiveSource,
  paths: readonly ByteText[],
  found: ReadonlySet<ByteText>,
): void {
  const missing = paths.filter((path) => !found.has(path));
  if (missing.length === 0) return;
  throw new DockformError(
    "archive.path-not-found",
    `${archive.path} does not hold ${missing.map(displayText).join(", ")}`,
    { advice: [{ code: "list-files" }] },
  );
}

function paddedBytes(ranges: readonly Range[]): number {
  const bytes = ranges.reduce((sum, { startBytes, endBytes }) => sum + endBytes - startBytes, 0);
  return Math.ceil((bytes + END_MARK_BYTES) / RECORD_BYTES) * RECORD_BYTES;
}

/** A plain tar stream of some ranges of an archive's, read through from its beginning. */
class SelectedRanges implements ArchiveSource {
  readonly compression = "none";
  readonly #archive: ArchiveSource;
  readonly #ranges: readonly Range[];
  readonly #signal: AbortSignal;

  constructor(archive: ArchiveSource, ranges: readonly Range[], signal: AbortSignal) {
    this.#archive = archive;
    this.#ranges = ranges;
    this.#signal = signal;
  }

  get path(): string {
    return this.#archive.path;
  }

  get storedBytes(): number {
    return this.#archive.storedBytes;
  }

  damaged(failure: string): DockformError {
    return this.#archive.damaged(failure);
  }

  chunks(digest: Digest): ByteSource {
    return this.tar(digest, this.#signal);
  }

  /** The digest gets the archive's stored bytes, all of them. */
  async *tar(digest: Digest, signal: AbortSignal): ByteSource {
    const tar = this.#archive.tar(digest, signal);
    let positionBytes = 0;
    let next = 0;
    for await (const chunk of tar) {
      const chunkEnd = positionBytes + chunk.length;
      for (let range = this.#ranges[next]; range !== undefined; range = this.#ranges[next]) {
        const from = Math.max(range.startBytes, positionBytes);
        const to = Math.min(range.endBytes, chunkEnd);
        // The pieces of one chunk are written one after the other, and its memory may be used again.
        if (from < to)
          yield Uint8Array.from(chunk.subarray(from - positionBytes, to - positionBytes));
        if (range.endBytes > chunkEnd) break;
        next += 1;
      }
      positionBytes = chunkEnd;
    }
    const bytes = this.#ranges.reduce((sum, range) => sum + range.endBytes - range.startBytes, 0);
    yield new Uint8Array(paddedBytes(this.#ranges) - bytes);
  }
}
