/** Engines of Debian's releases, unpacked beside the machine's own: nothing is installed. */
import { createHash } from "node:crypto";
import {
  mkdir,
  mkdtemp,
  mkdtempDisposable,
  readdir,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { attempt, exists, run, updatePackages } from "../oracle/host.ts";

/** A program that answers as an engine, in one of Debian's releases. */
export interface EngineRelease {
  readonly engine: "docker" | "podman";
  readonly debian: "bookworm" | "trixie" | "sid";
}

/** Where the packages are: their `usr` takes the place of the machine's, in the engine's namespaces alone. */
export interface UnpackedEngine extends EngineRelease {
  readonly folder: string;
}

const CACHE_FOLDER = "/var/tmp/dockform-test-engines";
const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";
const LISTS_AGE_MS = 6 * 60 * 60 * 1000;

/** What engine-init.sh and the engines call. */
const TOOLS =
  "bash coreutils findutils grep iproute2 mawk mount procps sed uidmap util-linux".split(" ");
const PACKAGES = {
  docker: ["docker.io", "rootlesskit", ...TOOLS],
  podman: ["podman", "runc", ...TOOLS],
} as const;

/** Downloads and unpacks an engine, unless these packages have been before. Root, on Debian. */
export async function unpackEngine(release: EngineRelease): Promise<UnpackedEngine> {
  const apt = await privateApt(release.debian);
  const install = ["--no-install-recommends", "install", ...PACKAGES[release.engine]];
  const files = await apt("--print-uris", ...install);
  const digest = createHash("sha256").update(files).digest("hex").slice(0, 12);
  const folder = join(CACHE_FOLDER, `${release.engine}-${release.debian}-${digest}`);
  if (!(await exists(folder))) {
    await using archives = await mkdtempDisposable(join(CACHE_FOLDER, "archives-"));
    await mkdir(join(archives.path, "partial"));
    const into = ["-o", `Dir::Cache::archives=${archives.path}`];
    await apt(...into, "--yes", "--download-only", ...install);
    await unpackInto(folder, archives.path);
  }
  return { ...release, folder };
}

function aptFolder(debian: string): string {
  return join(CACHE_FOLDER, `apt-${debian}`);
}

/** apt with lists, a cache and a state of its own, in which no package is installed; from the machine's archive. */
async function privateApt(debian: string): Promise<(...args: string[]) => Promise<Buffer>> {
  const folder = aptFolder(debian);
  for (const each of ["lists/partial", "cache"]) {
    await mkdir(join(folder, each), { recursive: true });
  }
  await writeFile(join(folder, "status"), "");
  const source = `deb [signed-by=${KEYRING}] ${await debianArchive()} ${debian} main\n`;
  await writeFile(join(folder, "sources.list"), source);
  const options = [
    `Dir::Etc::sourcelist=${folder}/sources.list`,
    "Dir::Etc::sourceparts=-",
    `Dir::State::lists=${folder}/lists`,
    `Dir::State::status=${folder}/status`,
    `Dir::Cache=${folder}/cache`,
    "APT::Sandbox::User=root",
  ].flatMap((option) => ["-o", option]);
  const apt = (...args: string[]): Promise<Buffer> =>
    run("flock", [folder, "apt-get", "-q", ...options, ...args]);
  const renewed = join(folder, "renewed");
  if (!(await isYoung(renewed))) {
    await apt("update");
    await writeFile(renewed, "");
  }
  return apt;
}

async function isYoung(file: string): Promise<boolean> {
  return stat(file).then(
    ({ mtimeMs }) => Date.now() - mtimeMs < LISTS_AGE_MS,
    () => false,
  );
}

/** Debian's archive as this machine reaches it. */
async function debianArchive(): Promise<string> {
  const ask = async (): Promise<string | undefined> => {
    const which = ["Created-By: Packages", "Origin: Debian", "Label: Debian"];
    const answer = await attempt("apt-get", ["indextargets", "--format", "$(REPO_URI)", ...which]);
    return answer.stdout.toString().split("\n")[0] || undefined;
  };
  const known = await ask();
  if (known !== undefined) return known;
  // A fresh machine has no lists, and says nothing of where they come from.
  await updatePackages();
  const found = await ask();
  if (found === undefined) throw new Error("apt has no archive of Debian");
  return found;
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
