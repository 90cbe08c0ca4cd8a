import { access, realpath } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { DockformError } from "../errors.ts";
import { stagingFolder } from "../snapshot/reserved.ts";

/**
 * A file of this machine's may lie inside the volume, by whatever name: then the operation's own folder is beside it
 * or above it.
 *
 * @param stagingId of the operation's folder, which is there.
 * @throws DockformError `refused`.
 */
export async function refuseInside(
  volume: string,
  stagingId: string,
  path: string,
  consequence: string,
): Promise<void> {
  const real = await realPath(path);
  for (let folder = dirname(real); folder !== dirname(folder); folder = dirname(folder)) {
    if (!(await isThere(join(folder, stagingFolder(stagingId))))) continue;
    throw new DockformError("snapshot.inside-volume", `${path} lies inside volume "${volume}"`, {
      hint: `${consequence} The contents are as they were. Keep snapshots elsewhere, and copy this one there first.`,
    });
  }
}

/** With the links on the way followed, as far as there is anything. */
async function realPath(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    return path === dirname(path) ? path : join(await realPath(dirname(path)), basename(path));
  }
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
