import { join } from "node:path";
import type { Command } from "./measure.ts";

/** What the machine can do with standard tools on a folder of the host's, without a container. */
export const SNAPSHOT_LIMIT = "tar, zstd -3 -T0, tee, openssl";
export const RESTORE_LIMIT = "openssl, then zstd -d into tar";
export const RESTORE_LIMIT_FLUSHED = `${RESTORE_LIMIT}, then sync -f`;

export function snapshotLimit(source: string, file: string): Command {
  const script = `tar -C "$1" -cf - . | zstd -q -3 -T0 | tee "$2" | openssl dgst -sha256`;
  return ["sh", "-c", script, "limit", source, file];
}

/** Of several folders at once; the files are beside them. */
export function snapshotLimitsAtOnce(sources: readonly string[]): Command {
  const script = `
    for folder; do
      tar -C "$folder" -cf - . | zstd -q -3 -T0 | tee "$folder.tar.zst" | openssl dgst -sha256 &
    done
    wait`;
  return ["sh", "-c", script, "limit", ...sources];
}

export function restoreLimit(file: string, into: string): Command {
  const script = `openssl dgst -sha256 "$1" && zstd -q -d -c "$1" | tar -C "$2" -xpf -`;
  return ["sh", "-c", script, "limit", file, into];
}

export function limitArchive(folder: string): string {
  return join(folder, "limit.tar.zst");
}
