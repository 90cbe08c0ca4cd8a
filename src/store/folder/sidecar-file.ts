import { randomBytes } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { DockformError, messageOf } from "../../errors.ts";
import {
  formatSidecar,
  parseSidecar,
  requireSidecarSize,
  type Sidecar,
} from "../../snapshot/sidecar.ts";
import { flushFolder, temporaryName, writeFlushed } from "./disk.ts";

/**
 * Reads a sidecar; the text has fields as they were written, whatever this version makes of them.
 *
 * @throws DockformError `integrity` when it is not valid; the system's own error when it cannot be read.
 */
export function readSidecarFile(path: string): {
  readonly sidecar: Sidecar;
  readonly text: string;
} {
  requireSidecarSize(statSync(path).size, path);
  const text = readFileSync(path, "utf8");
  return { sidecar: parseSidecar(text, path), text };
}

/**
 * Adds to what a sidecar says, in one step: a reader sees the old one or the new one. Fields that this
 * version does not know are kept.
 *
 * @throws DockformError `integrity` when the file is no valid sidecar, `failed` when it cannot be replaced.
 */
export async function amendSidecarFile(path: string, fields: Partial<Sidecar>): Promise<Sidecar> {
  const unique = `${basename(path)}.${randomBytes(4).toString("hex")}`;
  const temporaryFile = temporaryName(dirname(path), unique);
  try {
    const { text } = readSidecarFile(path);
    const amended: Sidecar = { ...JSON.parse(text), ...fields };
    await writeFlushed(temporaryFile, formatSidecar(amended));
    await rename(temporaryFile, path);
    await flushFolder(dirname(path));
    return amended;
  } catch (error) {
    await rm(temporaryFile, { force: true });
    if (error instanceof DockformError) throw error;
    throw new DockformError("sidecar.unwritable", `cannot write to ${path}: ${messageOf(error)}`, {
      hint: "The snapshot is as it was. Check the owner and mode of the file and its folder.",
      cause: error,
    });
  }
}
