import { freemem } from "node:os";
import { DockformError } from "../errors.ts";
import type { ByteSource } from "../byte-source.ts";
import type { ArchiveExtension } from "../snapshot/name.ts";
import { HEAD_BYTES } from "../store/store.ts";
import { decompressGzip } from "../tar/gzip.ts";
import { isHeaderBlock } from "../tar/header.ts";
import { checkFrames, decompressZstd } from "../tar/zstd.ts";
import { decompressByTool } from "./decompress-by-tool.ts";

/** What a tar stream is packed with. */
export type Compression = "none" | "zstd" | "gzip" | "xz" | "bzip2";

const BY_EXTENSION: Readonly<Record<ArchiveExtension, Compression>> = {
  "tar.zst": "zstd",
  tzst: "zstd",
  tar: "none",
  "tar.gz": "gzip",
  tgz: "gzip",
  "tar.xz": "xz",
  "tar.bz2": "bzip2",
};

export function compressionOf(extension: ArchiveExtension): Compression {
  return BY_EXTENSION[extension];
}

/** How files of each kind begin, in hexadecimal, and how they are named. */
const KINDS: readonly (readonly [Compression, RegExp, ArchiveExtension])[] = [
  // A skippable frame may be the first.
  ["zstd", /^(?:28b52ffd|5.2a4d18)/, "tar.zst"],
  ["gzip", /^1f8b/, "tar.gz"],
  ["xz", /^fd377a585a00/, "tar.xz"],
  ["bzip2", /^425a683[1-9]/, "tar.bz2"],
];

/**
 * Refuses what begins as another kind of file than its name says, for tools differ in what they make of that: the zstd
 * command unpacks gzip as well, and others do not.
 *
 * @throws DockformError `integrity`.
 */
export function requireNamedRight(head: Buffer, compression: Compression, path: string): void {
  const found = kindOf(head);
  if (found === undefined || found.compression === compression) return;
  const said = compression === "none" ? "an uncompressed tar" : compression;
  throw new DockformError(
    "archive.wrong-extension",
    `${path} is damaged: its content is ${found.title}, and not ${said} as its name says`,
    { hint: `Use another snapshot. If you know why, name it *.${found.extension}.` },
  );
}

function kindOf(head: Buffer):
  | {
      readonly compression: Compression;
      readonly title: string;
      readonly extension: ArchiveExtension;
    }
  | undefined {
  if (head.length === HEAD_BYTES && isHeaderBlock(head)) {
    return { compression: "none", title: "an uncompressed tar", extension: "tar" };
  }
  const digits = head.toString("hex");
  const found = KINDS.find(([, beginning]) => beginning.test(digits));
  return found && { compression: found[0], title: found[0], extension: found[2] };
}

/** Of what is free. */
const WINDOW_OF_FREE = 0.8;

function windowBytesMax(): number {
  return freemem() * WINDOW_OF_FREE;
}

/**
 * The tar stream in a file's bytes.
 *
 * @throws DockformError `integrity` when these are damaged or cut short, `refused` when they cannot be unpacked here.
 */
export function decompress(
  stored: ByteSource,
  compression: Compression,
  name: string,
  signal?: AbortSignal,
): ByteSource {
  switch (compression) {
    case "none":
      return stored;
    case "zstd":
      return decompressZstd(stored, name, signal, windowBytesMax());
    case "gzip":
      return decompressGzip(stored, name, signal);
    case "xz":
    case "bzip2":
      return decompressByTool(stored, compression, name, signal);
  }
}

/** What is left to the helper, for `decompress` of its script. */
export type HelperCompression = "none" | "zstd";

export function helperCompression(compression: Compression): HelperCompression {
  return compression === "zstd" ? "zstd" : "none";
}

/** How a file's bytes are handed to the helper, whose tar and zstd do the rest. */
export function forHelper(stored: ByteSource, compression: Compression, name: string): ByteSource {
  return compression === "zstd"
    ? checkFrames(stored, name, windowBytesMax())
    : decompress(stored, compression, name);
}
