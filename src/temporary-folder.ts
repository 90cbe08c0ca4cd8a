import { readFileSync, readlinkSync } from "node:fs";
import { lstat, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { messageOf, systemCode } from "./errors.ts";
import type { Log } from "./log.ts";

/** A process, told from all others that this kernel has had since it started. */
interface Owner {
  /** The first digits of the kernel's boot id. */
  readonly boot: string;
  /** The number of the process's namespace of process ids. */
  readonly namespace: string;
  readonly pid: string;
  /** When it started, in clock ticks since the kernel did. */
  readonly startedAt: string;
}

const NAME = /^dockform-([0-9a-f]{8})-(\d+)-(\d+)-(\d+)-\w{6}$/;
const BOOT_DIGITS = 8;
/** In /proc/PID/stat, counted behind the program's name, which may hold anything. */
const STARTED_AT_FIELD = 19;

/**
 * Makes a folder for this process, whose name says whose it is, and removes those that processes of this user and
 * machine left when they were killed. Where a kernel does not tell, the name is no more than unique.
 */
export async function makeTemporaryFolder(parent: string, log: Log): Promise<string> {
  const own = ownIdentity();
  if (own === undefined) return mkdtemp(join(parent, "dockform-"));
  const { boot, namespace, pid, startedAt } = own;
  const folder = await mkdtemp(join(parent, `dockform-${boot}-${namespace}-${pid}-${startedAt}-`));
  await removeAbandoned(folder, own, log);
  return folder;
}

/** Removes those beside one's own. */
async function removeAbandoned(ownFolder: string, own: Owner, log: Log): Promise<void> {
  try {
    const parent = dirname(ownFolder);
    const { uid } = await lstat(ownFolder);
    for (const name of await readdir(parent)) {
      await removeIfAbandoned(join(parent, name), own, uid, log);
    }
  } catch (error) {
    log.debug(`cannot remove folders left by processes that were killed: ${messageOf(error)}`);
  }
}

/** One that cannot be removed, or that another process has just removed, keeps none of the others. */
async function removeIfAbandoned(folder: string, own: Owner, uid: number, log: Log): Promise<void> {
  const [, boot, namespace, pid, startedAt] = NAME.exec(basename(folder)) ?? [];
  // Of another kernel's or namespace's processes nothing is known here.
  if (pid === undefined || boot !== own.boot || namespace !== own.namespace) return;
  try {
    if ((await startOf(pid)) === startedAt) return;
    const stats = await lstat(folder);
    if (!stats.isDirectory() || stats.uid !== uid) return;
    await rm(folder, { recursive: true, force: true });
    log.debug(`removed ${folder}, left by a process that was killed`);
  } catch (error) {
    log.debug(`cannot remove ${folder}, left by a process that was killed: ${messageOf(error)}`);
  }
}

function ownIdentity(): Owner | undefined {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").slice(0, BOOT_DIGITS);
    const namespace = /^pid:\[(\d+)\]$/.exec(readlinkSync("/proc/self/ns/pid"))?.[1];
    // More than one number: this /proc is that of another namespace.
    const pid = /^NSpid:\t(\d+)$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
    const startedAt = startedAtIn(readFileSync("/proc/self/stat", "utf8"));
    if (namespace === undefined || pid === undefined || startedAt === undefined) return undefined;
    return { boot, namespace, pid, startedAt };
  } catch {
    return undefined;
  }
}

/** When a process started; `undefined` where there is none of that number. */
async function startOf(pid: string): Promise<string | undefined> {
  try {
    return startedAtIn(await readFile(`/proc/${pid}/stat`, "utf8"));
  } catch (error) {
    if (["ENOENT", "ESRCH"].includes(systemCode(error) ?? "")) return undefined;
    throw error;
  }
}

function startedAtIn(stat: string): string | undefined {
  return stat
    .slice(stat.lastIndexOf(")") + 2)
    .split(" ")
    .at(STARTED_AT_FIELD);
}
