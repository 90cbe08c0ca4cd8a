import { access } from "node:fs/promises";
import { basename } from "node:path";
import { archiveFormat, parseSnapshotBaseName, sidecarPath } from "../../snapshot/name.ts";
import type { NotASnapshot, StoredSnapshot } from "../store.ts";

/** The snapshot that an absolute path names, by the names of its files alone. */
export async function identifyFile(archivePath: string): Promise<StoredSnapshot | NotASnapshot> {
  const format = archiveFormat(archivePath);
  if (format === undefined) return { whyNot: "expected .tar.zst or .tar" };
  const sidecar = sidecarPath(archivePath, format);
  for (const file of [archivePath, sidecar]) {
    if (!(await exists(file))) return { whyNot: `there is no ${file}` };
  }
  const name = parseSnapshotBaseName(basename(archivePath, `.${format}`));
  if (name === undefined) return { whyNot: "it is not named like one" };
  return { ...name, archivePath, sidecarPath: sidecar };
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
