import { formatTime } from "../format.ts";
import { DockformError, messageOf } from "../errors.ts";
import { storedChecksum, type Sidecar } from "../snapshot/sidecar.ts";
import type { ArchiveInStore } from "../store/store.ts";
import { damaged } from "../tar/damage.ts";
import type { TarEntry } from "../tar/entries.ts";
import { Archive } from "./archive.ts";
import { ArchivePass } from "./pass.ts";
import { recordingDamage } from "./record-damage.ts";
import { holdsNothing, refusePartial } from "./survey.ts";
import type { Tools } from "../tools.ts";

export interface Verification {
  readonly archivePath: string;
  readonly storedBytes: number;
  readonly tarBytes: number;
  readonly entries: number;
  readonly files: number;
  /** Without a sidecar only the archive itself could be looked at. */
  readonly hasSidecar: boolean;
  /** When that was, where the sidecar says so now. */
  readonly recordedAt: Date | undefined;
}

/**
 * Reads a snapshot from its first byte to its last: checksum, decompression, every header of the tar
 * stream, its end, and all that the sidecar counts. Then the sidecar says when that was, or when damage was found, if
 * it can be written.
 *
 * @throws DockformError `integrity`, naming the file and what is wrong with it; `failed` when it cannot
 * be read.
 */
export async function verifySnapshot(
  snapshot: ArchiveInStore,
  tools: Tools,
): Promise<Verification> {
  return await recordingDamage(snapshot, tools, () => readToEnd(snapshot, tools));
}

async function readToEnd(snapshot: ArchiveInStore, tools: Tools): Promise<Verification> {
  const { archivePath } = snapshot;
  await using archive = await Archive.open(snapshot);
  const sidecar = await archive.sidecar();
  requireLength(archive, sidecar);
  using pass = new ArchivePass(archive, "Verifying", tools);
  const counts = new EntryCounts();
  for await (const entry of pass.reader.entries()) counts.add(entry);
  const { tarBytes, notDumped } = pass.reader;
  const { entries, files } = counts;
  if (sidecar !== undefined) {
    requireChecksum(archive, sidecar, pass.sha256());
    requireCounts(archive, sidecar, { tarBytes, entries, files });
  }
  refusePartial(archive, notDumped);
  if (entries === 0) throw holdsNothing(archivePath, "Use another one.");
  const { storedBytes } = archive;
  const hasSidecar = sidecar !== undefined;
  const recordedAt = hasSidecar ? await recordTime(snapshot, tools) : undefined;
  return { archivePath, storedBytes, tarBytes, entries, files, hasSidecar, recordedAt };
}

/** A snapshot in a store that is read-only is no worse for it. */
async function recordTime(
  { store, archivePath }: ArchiveInStore,
  tools: Tools,
): Promise<Date | undefined> {
  const time = tools.now();
  try {
    await store.amend(archivePath, { verified_at: formatTime(time), damaged_at: undefined });
    return time;
  } catch (error) {
    if (!(error instanceof DockformError) || error.kind !== "failed") throw error;
    tools.log.warn(`cannot record that ${archivePath} was verified: ${messageOf(error.cause)}`);
    return undefined;
  }
}

/** Counts as a snapshot does: files and further names, of whatever, as the archive tells them. */
class EntryCounts {
  entries = 0;
  files = 0;

  add({ type }: TarEntry): void {
    this.entries += 1;
    if (type === "file" || type === "hardlink") this.files += 1;
  }
}

function requireLength({ path, storedBytes }: Archive, sidecar: Sidecar | undefined): void {
  const expected = sidecar?.stored_bytes;
  if (expected === undefined || expected === storedBytes) return;
  throw damaged(path, `it is ${storedBytes} bytes long, and was ${expected} when it was stored`);
}

function requireChecksum({ path, format }: Archive, sidecar: Sidecar, actual: string): void {
  const expected = storedChecksum(sidecar, format);
  if (actual === expected) return;
  throw new DockformError(
    expected === undefined ? "sidecar.no-checksum" : "archive.checksum-mismatch",
    expected === undefined
      ? `the sidecar of ${path} has no checksum for it`
      : `checksum mismatch for ${path}`,
    {
      hint: "The file is not what was stored, or its sidecar is not. Use another snapshot.",
      data: { expected, actual },
    },
  );
}

/** The original counts in a second read of the volume, so its numbers may be other ones. */
function requireCounts(
  { path }: Archive,
  sidecar: Sidecar,
  found: { readonly tarBytes: number; readonly entries: number; readonly files: number },
): void {
  if (sidecar.format_version === undefined) return;
  const counts = [
    ["bytes as tar", sidecar.uncompressed_bytes, found.tarBytes],
    ["entries", sidecar.entry_count, found.entries],
    ["files", sidecar.file_count, found.files],
  ] as const;
  for (const [what, expected, actual] of counts) {
    if (expected !== undefined && expected !== actual) {
      throw damaged(path, `it holds ${actual} ${what}, and its sidecar says ${expected}`);
    }
  }
}
