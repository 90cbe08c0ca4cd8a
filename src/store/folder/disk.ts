import { constants } from "node:fs";
import { access, open, statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import { systemCode } from "../../errors.ts";

/** Begins with a dot and does not end like a snapshot, so that nothing takes it for one. */
export function temporaryName(folder: string, name: string): string {
  return join(folder, `.${name}.partial`);
}

export async function exists(file: string): Promise<boolean> {
  try {
    await access(file, constants.F_OK);
    return true;
  } catch {
    return false;
  }
}

/** Writes a new file, for its owner alone, and flushes it to the disk. */
export async function writeFlushed(file: string, content: string): Promise<void> {
  const handle = await open(file, "wx", 0o600);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Makes a rename survive a power loss. */
export async function flushFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY);
  try {
    await handle.sync();
  } catch (error) {
    // Some network file systems cannot flush a folder; they keep renames in order by themselves.
    if (!["EINVAL", "ENOTSUP"].includes(systemCode(error) ?? "")) throw error;
  } finally {
    await handle.close();
  }
}

/** Bytes that an ordinary user may still write where the folder is or would be made. */
export async function freeBytes(folder: string): Promise<number> {
  let existing = folder;
  while (!(await exists(existing)) && dirname(existing) !== existing) existing = dirname(existing);
  const { bavail, bsize } = await statfs(existing);
  return bavail * bsize;
}
