/** Debian's packages, unpacked into a folder: nothing is installed and no service starts. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";

import { attempt, run, updatePackages } from "../oracle/host.ts";

export interface PackageSet {
  /** Names every package with its version and checksum. */
  readonly versions: string;
  unpack(folder: string): Promise<void>;
}

/** Why these images cannot be made here, or false. */
export function cannotUnpackPackages(): string | false {
  const root = process.platform === "linux" && process.getuid?.() === 0;
  return root ? false : "images of Debian's packages need root on Linux";
}

const known = new Map<string, Promise<PackageSet>>();

/** Packages by name, and the libraries that those of `withLibrariesOf` need. */
export async function debianPackages(
  names: readonly string[],
  withLibrariesOf: readonly string[] = [],
): Promise<PackageSet> {
  // Each question to apt takes most of a second.
  const key = JSON.stringify([names, withLibrariesOf]);
  const found = known.get(key) ?? findPackages(names, withLibrariesOf);
  known.set(key, found);
  return found;
}

async function findPackages(
  names: readonly string[],
  withLibrariesOf: readonly string[],
): Promise<PackageSet> {
  const find = async (): Promise<PackageSet> => {
    const all = [...new Set([...names, ...(await librariesOf(withLibrariesOf))])];
    // In a folder that holds one of the packages, apt-get would leave that one out.
    const versions = await run("apt-get", ["download", "--print-uris", ...all], { cwd: "/" });
    return { versions: versions.toString(), unpack: (folder) => unpack(all, folder) };
  };
  return find().catch(async () => {
    // A fresh machine has no lists.
    await updatePackages();
    return find();
  });
}

/**
 * The library packages that a package needs. The C library is left to the
 * machine, whose loader finds the others; LLVM is large and only speeds up queries.
 */
async function librariesOf(names: readonly string[]): Promise<string[]> {
  if (names.length === 0) return [];
  const left = ["recommends", "suggests", "conflicts", "breaks", "replaces", "enhances"];
  const options = ["--recurse", ...left.map((kind) => `--no-${kind}`)];
  const output = await run("apt-cache", ["depends", ...options, ...names]);
  return output
    .toString()
    .split("\n")
    .filter((name) => /^lib[\w.+-]+$/.test(name))
    .filter((name) => !/^lib(?:c6|c-|llvm|z3-|perl|elogind|pam-modules)|-perl$/.test(name));
}

async function unpack(names: readonly string[], folder: string): Promise<void> {
  const download = ["download", "-q", ...names];
  if ((await attempt("apt-get", download, { cwd: folder })).code !== 0) {
    // The lists name versions that the mirror no longer has.
    await updatePackages();
    await run("apt-get", download, { cwd: folder });
  }
  for (const file of await readdir(folder)) {
    if (file.endsWith(".deb")) await run("dpkg-deb", ["-x", join(folder, file), folder]);
  }
}

/** Where a program of unpacked packages is; some have it in /bin, some in /usr/bin. */
export async function unpackedProgram(folder: string, name: string): Promise<string> {
  const found = await run("find", [folder, "-path", `*bin/${name}`, "-print", "-quit"]);
  const path = found.toString().trim();
  if (path === "") throw new Error(`no ${name} in the packages`);
  return path;
}
