import { basename } from "node:path";

/** How the data of a snapshot is stored. */
export type ArchiveFormat = "tar.zst" | "tar";

export const ARCHIVE_FORMATS: readonly ArchiveFormat[] = ["tar.zst", "tar"];

/** How a file is named that can be read as an archive: a snapshot's data, or what other programs write. */
export type ArchiveExtension = ArchiveFormat | "tzst" | "tar.gz" | "tgz" | "tar.xz" | "tar.bz2";

const ARCHIVE_EXTENSIONS: readonly ArchiveExtension[] = [
  ...ARCHIVE_FORMATS,
  "tzst",
  "tar.gz",
  "tgz",
  "tar.xz",
  "tar.bz2",
];

/** zstd's own default: what level 19 saves on top costs eighty times the time. */
export const DEFAULT_LEVEL = 3;

/** What a snapshot's file name says: `2026-11-23T02-15-40Z__spec-1a2b3c4d`. */
export interface SnapshotName {
  /** Whole seconds. */
  readonly time: Date;
  /** 8 hex digits. */
  readonly specHash: string;
}

const NAME = /^(\d{4}-\d{2}-\d{2})T(\d{2})-(\d{2})-(\d{2})Z__spec-([0-9a-f]{8})$/;

/** The base name that data and sidecar share. */
export function snapshotBaseName({ time, specHash }: SnapshotName): string {
  const seconds = time.toISOString().slice(0, 19).replaceAll(":", "-");
  return `${seconds}Z__spec-${specHash}`;
}

/** Reads a base name; `undefined` for a file that is not named like a snapshot. */
export function parseSnapshotBaseName(baseName: string): SnapshotName | undefined {
  const [, date, hours, minutes, seconds, specHash] = NAME.exec(baseName) ?? [];
  if (date === undefined || specHash === undefined) return undefined;
  const time = new Date(`${date}T${hours}:${minutes}:${seconds}Z`);
  if (Number.isNaN(time.getTime())) return undefined;
  // 2026-02-30 would silently become the 2nd of March.
  const name = { time, specHash };
  return snapshotBaseName(name) === baseName ? name : undefined;
}

/** The format that a data file's extension says; `undefined` for any other file. */
export function archiveFormat(path: string): ArchiveFormat | undefined {
  const name = basename(path);
  return ARCHIVE_FORMATS.find((format) => name.endsWith(`.${format}`));
}

/** The extension of an archive's path; `undefined` for any other file. */
export function archiveExtension(path: string): ArchiveExtension | undefined {
  const name = basename(path);
  return ARCHIVE_EXTENSIONS.find((extension) => name.endsWith(`.${extension}`));
}

/**
 * The format under which a sidecar has the checksum of such a file; `undefined` where none has one. A `.tzst` is a
 * `.tar.zst` under another name.
 */
export function sidecarFormat(extension: ArchiveExtension): ArchiveFormat | undefined {
  if (extension === "tzst") return "tar.zst";
  return ARCHIVE_FORMATS.find((format) => format === extension);
}

/**
 * The sidecar's path: `X.tar.zst` and `X.tar` both belong to `X.json`. (The original strips `.zst`
 * only, looks for `X.tar.json`, and so never finds what it wrote.)
 */
export function sidecarPath(archivePath: string, extension: ArchiveExtension): string {
  return `${archivePath.slice(0, -(extension.length + 1))}.json`;
}
