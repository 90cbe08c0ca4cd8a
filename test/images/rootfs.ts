/** Root file systems for images, put together from programs and files of this machine. */
import { createHash } from "node:crypto";
import {
  chmod,
  chown,
  copyFile,
  mkdir,
  mkdtemp,
  readFile,
  rename,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { dirname, join } from "node:path";

import { attempt, exists, run } from "../oracle/host.ts";
import { removeTree } from "../oracle/tree.ts";

export interface FolderOptions {
  readonly mode?: number;
  /** uid and gid */
  readonly owner?: readonly [number, number];
}

/** A root file system while it is made. Paths in it are absolute, as the image will see them. */
export class Rootfs {
  readonly folder: string;
  /** Where packages were unpacked; their files keep their paths without it. */
  readonly #unpacked: string | undefined;

  constructor(folder: string, unpacked?: string) {
    this.folder = folder;
    this.#unpacked = unpacked;
  }

  /** Copies a program, at the path it has here or another, with all libraries that it loads. */
  async program(file: string, path = this.#pathInside(file)): Promise<void> {
    await this.copy(file, path);
    await this.librariesOf([file]);
  }

  /** Copies the libraries alone. */
  async librariesOf(files: readonly string[]): Promise<void> {
    for (const file of await this.#libraries(files)) await this.copy(file, this.#pathInside(file));
  }

  /** Copies one file, following symbolic links. */
  async copy(file: string, path: string): Promise<void> {
    await copyFile(file, await this.#placeFor(path));
  }

  /** Copies a folder as it is. */
  async copyFolder(folder: string, path: string): Promise<void> {
    await run("cp", ["-a", "--", folder, await this.#placeFor(path)]);
  }

  async write(path: string, content: string, mode = 0o644): Promise<void> {
    const place = await this.#placeFor(path);
    await writeFile(place, content);
    await chmod(place, mode);
  }

  async link(path: string, target: string): Promise<void> {
    await symlink(target, await this.#placeFor(path));
  }

  async makeFolder(path: string, options: FolderOptions = {}): Promise<void> {
    const place = join(this.folder, path);
    await mkdir(place, { recursive: true });
    if (options.owner !== undefined) await chown(place, ...options.owner);
    await chmod(place, options.mode ?? 0o755);
  }

  /** passwd and group of root and one more user. */
  async users(name: string, id: number): Promise<void> {
    await this.write("/etc/passwd", passwdLine("root", 0) + passwdLine(name, id));
    await this.write("/etc/group", `root:x:0:\n${name}:x:${String(id)}:\n`);
  }

  /** Removes what is there: writing through an absolute link would change this machine's own file. */
  async #placeFor(path: string): Promise<string> {
    const place = join(this.folder, path);
    await mkdir(dirname(place), { recursive: true });
    await rm(place, { force: true });
    return place;
  }

  async #libraries(files: readonly string[]): Promise<Set<string>> {
    const LD_LIBRARY_PATH = await this.#libraryFolders();
    // ldd fails for a static program, after it has answered for the others.
    const { stdout } = await attempt("ldd", files, { env: { LD_LIBRARY_PATH } });
    const libraries = new Set<string>();
    for (const line of stdout.toString().split("\n")) {
      if (line.includes("not found")) throw new Error(`no library for${line}`);
      const library = /^\s+(?:\S+ => )?(\/\S+) \(0x/.exec(line)?.[1];
      if (library !== undefined) libraries.add(library);
    }
    return libraries;
  }

  async #libraryFolders(): Promise<string> {
    if (this.#unpacked === undefined) return "";
    const pattern = ["-type", "d", "-path", "*/lib/*-linux-gnu*", "-prune"];
    return (await run("find", [this.#unpacked, ...pattern]))
      .toString()
      .trim()
      .replaceAll("\n", ":");
  }

  #pathInside(file: string): string {
    const unpacked = this.#unpacked;
    if (unpacked === undefined || !file.startsWith(`${unpacked}/`)) return file;
    return file.slice(unpacked.length);
  }
}

function passwdLine(name: string, id: number): string {
  return `${name}:x:${String(id)}:${String(id)}::/:/bin/sh\n`;
}

/** What a cached root file system is made of, and how. */
export interface Recipe {
  readonly name: string;
  /** Its source text, so that an edit makes a new one. */
  readonly source: string;
  /** Whatever else decides the contents, e.g. versions of packages. */
  readonly ingredients: string;
  /** `unpackInto` is an empty folder for packages. */
  fill(root: string, unpackInto: string): Promise<void>;
}

/** Not $TMPDIR, which a test run may empty: the next run wants to find these. */
const CACHE = "/var/tmp/dockform-test-images";

/**
 * Makes a root file system, once for each recipe and machine, and gives the
 * path of its tar. Several processes may do it at once: the last one wins.
 */
export async function cachedRootfs(recipe: Recipe): Promise<string> {
  const sources = await Promise.all(
    [recipe.source, import.meta.filename].map((file) => readFile(file)),
  );
  const hash = createHash("sha256").update(recipe.ingredients);
  for (const source of sources) hash.update(source);
  const archive = join(CACHE, `${recipe.name}-${hash.digest("hex").slice(0, 12)}.tar`);
  if (await exists(archive)) return archive;

  await mkdir(CACHE, { recursive: true });
  const scratch = await mkdtemp(join(CACHE, "making-"));
  try {
    const [root, unpackInto] = [join(scratch, "root"), join(scratch, "packages")];
    await mkdir(root, { mode: 0o755 });
    await mkdir(unpackInto);
    for (const folder of ["dev", "etc", "proc", "run", "sys", "var"])
      await mkdir(join(root, folder));
    await mkdir(join(root, "tmp"));
    await chmod(join(root, "tmp"), 0o1777);
    await recipe.fill(root, unpackInto);
    const made = join(scratch, "rootfs.tar");
    await run("tar", ["--create", "--file", made, "--numeric-owner", "-C", root, "."]);
    await rename(made, archive);
  } finally {
    await removeTree(scratch);
  }
  return archive;
}
