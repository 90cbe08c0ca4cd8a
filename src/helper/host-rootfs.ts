import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { access, constants, copyFile, mkdir, rm } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import type { Readable } from "node:stream";
import { promisify } from "node:util";
import { DockformError, messageOf } from "../errors.ts";
import type { Log } from "../log.ts";
import { makeTemporaryFolder } from "../temporary-folder.ts";

/** This machine, as far as an image made of its tools depends on it. */
export interface HostSystem {
  readonly platform: NodeJS.Platform;
  /** As `uname -m` says it. */
  readonly machine: string;
  /** The PATH to look for tools on. */
  readonly path: string;
  readonly temporaryFolder: string;
}

/** What an image of this machine's tools is made of. */
export interface HostRecipe {
  /** Carries a hash of the recipe, so that another recipe makes another image. */
  readonly tag: string;
  /** Name in the image and file on this machine. */
  readonly tools: ReadonlyMap<string, string>;
}

/** A tar stream of a root file system; disposing removes what it was packed from. */
export interface PackedRootfs extends AsyncDisposable {
  readonly stream: Readable;
}

const RECIPE_VERSION = 4;
const NEEDED_TOOLS =
  "sh tar zstd awk cat chmod du find head mkdir mkfifo perl rm rmdir sleep stat sync touch";
/** Only a root folder with attributes of its own needs those of attr and acl; the script says so when it does. */
const OPTIONAL_TOOLS = "getfattr setfattr setfacl nice";

const run = promisify(execFile);

/** The recipe for this machine; `undefined` when a needed tool is missing. */
export async function hostRecipe(host: HostSystem): Promise<HostRecipe | undefined> {
  if (host.platform !== "linux") return undefined;
  const tools = new Map<string, string>();
  for (const tool of NEEDED_TOOLS.split(" ")) {
    const file = await findOnPath(tool, host.path);
    if (file === undefined) return undefined;
    tools.set(tool, file);
  }
  for (const tool of OPTIONAL_TOOLS.split(" ")) {
    const file = await findOnPath(tool, host.path);
    if (file !== undefined) tools.set(tool, file);
  }
  const recipe = JSON.stringify([RECIPE_VERSION, host.machine, [...tools.keys()]]);
  const digest = createHash("sha256").update(recipe).digest("hex").slice(0, 12);
  return { tag: `host-${digest}`, tools };
}

/** Packs the tools with the libraries that `ldd` names into a root file system of some 8 MB. */
export async function packHostRootfs(
  recipe: HostRecipe,
  temporaryFolder: string,
  log: Log,
): Promise<PackedRootfs> {
  const folder = await makeTemporaryFolder(temporaryFolder, log);
  try {
    const root = join(folder, "root");
    await mkdir(join(root, "bin"), { recursive: true });
    for (const [name, file] of recipe.tools) await copyFile(file, join(root, "bin", name));
    for (const library of await librariesOf([...recipe.tools.values()])) {
      const target = join(root, library);
      await mkdir(dirname(target), { recursive: true });
      await copyFile(library, target);
    }
    for (const mountPoint of ["dev", "exchange", "proc", "scratch", "sys", "tmp", "volume"]) {
      await mkdir(join(root, mountPoint));
    }
    const archive = join(folder, "rootfs.tar");
    await run("tar", ["--create", "--file", archive, "--owner=0", "--group=0", "-C", root, "."]);
    return {
      stream: createReadStream(archive),
      [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
    };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw new DockformError(
      "helper.tools-unpackable",
      `cannot pack this machine's tools: ${messageOf(error)}`,
      {
        hint: "Name an image with GNU tar, zstd, perl and a shell in DOCKFORM_HELPER_IMAGE.",
        cause: error,
      },
    );
  }
}

/** Every shared library, the loader included, as absolute paths. */
async function librariesOf(files: readonly string[]): Promise<ReadonlySet<string>> {
  // ldd fails for a static binary, after it has answered for the others.
  const { stdout } = await run("sh", ["-c", 'ldd "$@" || true', "ldd", ...files]);
  const libraries = new Set<string>();
  for (const line of stdout.split("\n")) {
    const path = /^\s+(?:\S+ => )?(\/\S+) \(0x/.exec(line)?.[1];
    if (path !== undefined) libraries.add(path);
  }
  return libraries;
}

async function findOnPath(tool: string, path: string): Promise<string | undefined> {
  for (const folder of path.split(delimiter)) {
    const file = join(folder, tool);
    // Most of the looks are in vain, and an error for each costs ten times as much.
    if (!existsSync(file)) continue;
    try {
      await access(file, constants.X_OK);
      return file;
    } catch {
      continue;
    }
  }
  return undefined;
}
