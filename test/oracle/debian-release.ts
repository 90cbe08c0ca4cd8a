/** Packages of another of Debian's releases, unpacked beside the machine's own: nothing is installed. */
import { mkdir, mkdtemp, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { attempt, exists, run, updatePackages } from "./host.ts";

const CACHE_FOLDER = "/var/tmp/dockform-test-packages";
const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";
const LISTS_AGE_MS = 6 * 60 * 60 * 1000;

/** A release of Debian by its code name. */
export type DebianRelease = "bookworm" | "trixie" | "sid";

/** apt-get with arguments, in a folder where it is to leave something there; returns what it printed. */
type PrivateApt = (args: readonly string[], cwd?: string) => Promise<Buffer>;

/**
 * apt-get on the lists of a release, with a cache and a state of its own in which no package is
 * installed. Root, on Debian.
 */
export async function privateApt(release: DebianRelease): Promise<PrivateApt> {
  const folder = join(CACHE_FOLDER, `apt-${release}`);
  for (const each of ["lists/partial", "cache"]) {
    await mkdir(join(folder, each), { recursive: true });
  }
  await writeFile(join(folder, "status"), "");
  const source = `deb [signed-by=${KEYRING}] ${await debianArchive()} ${release} main\n`;
  await writeFile(join(folder, "sources.list"), source);
  const options = [
    `Dir::Etc::sourcelist=${folder}/sources.list`,
    "Dir::Etc::sourceparts=-",
    `Dir::State::lists=${folder}/lists`,
    `Dir::State::status=${folder}/status`,
    `Dir::Cache=${folder}/cache`,
    "APT::Sandbox::User=root",
  ].flatMap((option) => ["-o", option]);
  const apt: PrivateApt = (args, cwd = folder) =>
    run("flock", [folder, "apt-get", "-q", ...options, ...args], { cwd });
  const renewed = join(folder, "renewed");
  if (!(await isYoung(renewed))) {
    await apt(["update"]);
    await writeFile(renewed, "");
  }
  return apt;
}

/** The folder with the files of one package, without those that it depends on. */
export async function unpackedPackage(release: DebianRelease, name: string): Promise<string> {
  const apt = await privateApt(release);
  // 'http://…/name_version_amd64.deb' name_version_amd64.deb size digest
  const uris = await apt(["download", "--print-uris", name]);
  const [, file] = uris.toString().split(" ");
  if (file === undefined) throw new Error(`Debian ${release} has no package ${name}`);
  const folder = join(CACHE_FOLDER, `${release}-${file}`);
  if (await exists(folder)) return folder;
  const partial = await mkdtemp(`${folder}-`);
  await apt(["download", name], partial);
  await run("dpkg-deb", ["-x", join(partial, file), partial]);
  // Another process may have been faster.
  await rename(partial, folder).catch(() => rm(partial, { recursive: true }));
  return folder;
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
