import { readFile, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { DockformError, messageOf, systemCode } from "../errors.ts";
import { MANIFEST_FILE_NAMES, type Manifest } from "../manifest/manifest.ts";
import { parseManifest } from "../manifest/parse.ts";
import type { Surroundings } from "./surroundings.ts";

export interface ManifestFile {
  readonly manifest: Manifest;
  /** Absolute. */
  readonly path: string;
  /** The folder that relative paths of the manifest start from. */
  readonly folder: string;
}

/**
 * Reads the manifest that was named, a file or a folder with one, or else the one in the current
 * folder. `undefined` when none was named and there is none.
 *
 * @throws DockformError `manifest` when it cannot be read or is not valid.
 */
export async function loadManifest(
  { cwd, env, tools: { log } }: Surroundings,
  named: string | undefined,
): Promise<ManifestFile | undefined> {
  const path = await findManifest(cwd, named);
  if (path === undefined) return undefined;
  const text = await readManifest(path);
  const file = path.startsWith(`${cwd}/`) ? path.slice(cwd.length + 1) : path;
  const { manifest, warnings } = parseManifest(text, { file, env });
  for (const { message, line, column } of warnings)
    log.warn(`${file}:${line}:${column}: ${message}`);
  return { manifest, path, folder: dirname(path) };
}

/** @throws DockformError `manifest` with the advice to run `dockform init`. */
export function noManifest(folder: string): DockformError {
  return new DockformError("manifest.not-found", `there is no manifest in ${folder}`, {
    advice: [{ code: "write-manifest" }],
  });
}

async function findManifest(cwd: string, named: string | undefined): Promise<string | undefined> {
  if (named === undefined) return findInFolder(cwd);
  const path = resolve(cwd, named);
  if (!(await isFolder(path))) return path;
  const found = await findInFolder(path);
  if (found === undefined) throw noManifest(path);
  return found;
}

async function findInFolder(folder: string): Promise<string | undefined> {
  for (const name of MANIFEST_FILE_NAMES) {
    const path = join(folder, name);
    try {
      await stat(path);
      return path;
    } catch (error) {
      if (systemCode(error) !== "ENOENT") throw unreadable(path, error);
    }
  }
  return undefined;
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch {
    return false;
  }
}

async function readManifest(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    throw unreadable(path, error);
  }
}

function unreadable(path: string, error: unknown): DockformError {
  const missing = systemCode(error) === "ENOENT";
  return new DockformError(
    missing ? "manifest.not-found" : "manifest.unreadable",
    missing ? `the manifest ${path} does not exist` : `cannot read ${path}: ${messageOf(error)}`,
    {
      ...(missing
        ? { advice: [{ code: "choose-manifest" }] }
        : { hint: "Check the file's owner and mode." }),
      cause: error,
    },
  );
}
