import { rm } from "node:fs/promises";
import { dirname } from "node:path";
import { DockformError, messageOf, systemCode } from "../../errors.ts";
import { flushFolder } from "./disk.ts";
import type { StoredSnapshot } from "../store.ts";

/**
 * Removes what there is of a snapshot, its sidecar first and on the disk before the data goes: whenever this is cut
 * short, what is left does not look like a snapshot.
 *
 * @throws DockformError `failed`.
 */
export async function removeSnapshot({ archivePath, sidecarPath }: StoredSnapshot): Promise<void> {
  try {
    await rm(sidecarPath, { force: true });
    await flushFolder(dirname(sidecarPath));
    await rm(archivePath, { force: true });
    await flushFolder(dirname(archivePath));
  } catch (error) {
    // Its folder is gone, so nothing of it is left.
    if (systemCode(error) === "ENOENT") return;
    throw new DockformError(
      "store.not-removed",
      `cannot remove ${archivePath}: ${messageOf(error)}`,
      {
        hint: "Check the owner and mode of its folder.",
        advice: [{ code: "list-what-is-left" }],
        cause: error,
      },
    );
  }
}
