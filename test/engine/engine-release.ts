/** Engines of Debian's releases, unpacked beside the machine's own: nothing is installed. */
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, mkdtempDisposable, readdir, rename, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { privateApt, type DebianRelease } from "../oracle/debian-release.ts";
import { exists, run } from "../oracle/host.ts";

/** A program that answers as an engine, in one of Debian's releases. */
export interface EngineRelease {
  readonly engine: "docker" | "podman";
  readonly debian: DebianRelease;
}

/** Where the packages are: their `usr` takes the place of the machine's, in the engine's namespaces alone. */
export interface UnpackedEngine extends EngineRelease {
  readonly folder: string;
}

const CACHE_FOLDER = "/var/tmp/dockform-test-engines";

/** What engine-init.sh and the engines call. */
const TOOLS =
  "bash coreutils findutils grep iproute2 mawk mount procps sed uidmap util-linux".split(" ");
const PACKAGES = {
  docker: ["docker.io", "rootlesskit", ...TOOLS],
  podman: ["podman", "nftables", "runc", ...TOOLS],
} as const;

/** Downloads and unpacks an engine, unless these packages have been before. Root, on Debian. */
export async function unpackEngine(release: EngineRelease): Promise<UnpackedEngine> {
  const apt = await privateApt(release.debian);
  const install = ["--no-install-recommends", "install", ...PACKAGES[release.engine]];
  const files = await apt(["--print-uris", ...install]);
  const digest = createHash("sha256").update(files).digest("hex").slice(0, 12);
  const folder = join(CACHE_FOLDER, `${release.engine}-${release.debian}-${digest}`);
  if (!(await exists(folder))) {
    await mkdir(CACHE_FOLDER, { recursive: true });
    await using archives = await mkdtempDisposable(join(CACHE_FOLDER, "archives-"));
    await mkdir(join(archives.path, "partial"));
    const into = ["-o", `Dir::Cache::archives=${archives.path}`];
    await apt([...into, "--yes", "--download-only", ...install]);
    await unpackInto(folder, archives.path);
  }
  return { ...release, folder };
}

async function unpackInto(folder: string, archives: string): Promise<void> {
  const partial = await mkdtemp(`${folder}-`);
  // Debian 12's packages still have files outside of usr.
  for (const each of ["bin", "sbin", "lib", "lib64"]) {
    await mkdir(join(partial, "usr", each), { recursive: true });
    await symlink(join("usr", each), join(partial, each));
  }
  for (const file of await readdir(archives)) {
    if (!file.endsWith(".deb")) continue;
    const unpack = 'dpkg-deb --fsys-tarfile "$1" | tar -x --keep-directory-symlink -C "$2"';
    await run("bash", ["-o", "pipefail", "-c", unpack, "-", join(archives, file), partial]);
  }
  // What its package would do when it is installed.
  await symlink("mawk", join(partial, "usr/bin/awk"));
  await run("chmod", ["0755", partial]);
  // Another process may have been faster.
  await rename(partial, folder).catch(() => rm(partial, { recursive: true }));
}
