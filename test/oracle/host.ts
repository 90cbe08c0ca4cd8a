/** Programs of the machine that runs the tests, installed from Debian where they are missing. */
import { spawn } from "node:child_process";
import { access } from "node:fs/promises";
import { buffer } from "node:stream/consumers";

export interface CommandResult {
  readonly code: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string | Buffer;
}

/** Runs a program to its end; only failing to start it is an error. */
export async function attempt(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const child = spawn(command, args, {
    cwd: options.cwd,
    // Messages are compared, so they must not depend on anybody's language.
    env: { ...process.env, LC_ALL: "C", ...options.env },
    stdio: ["pipe", "pipe", "pipe"],
  });
  const ended = new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => {
      resolve(code ?? (signal === null ? 1 : 128));
    });
  });
  // A program may end without reading its input; its exit code tells the story.
  child.stdin.on("error", () => undefined);
  child.stdin.end(options.input);
  const [code, stdout, stderr] = await Promise.all([
    ended,
    buffer(child.stdout),
    buffer(child.stderr),
  ]);
  return { code, stdout, stderr: stderr.toString() };
}

/** Runs a program that must succeed and gives what it printed. */
export async function run(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<Buffer> {
  const result = await attempt(command, args, options);
  if (result.code !== 0) {
    throw new Error(
      `${command} ${args.join(" ").slice(0, 300)} ended with ${String(result.code)}: ${result.stderr}`,
    );
  }
  return result.stdout;
}

export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

let packagesUpdated: Promise<unknown> | undefined;

/** Shared with whatever else of this project installs packages. */
const APT_LOCK = "/run/lock/dockform-install";

/**
 * apt-get as root. Test files run at the same time, and apt's own lock on its
 * lists fails instead of waiting, hence one of our own.
 */
async function apt(args: readonly string[]): Promise<void> {
  await run("flock", [APT_LOCK, "apt-get", "-q", "-y", "-o", "DPkg::Lock::Timeout=300", ...args], {
    env: { DEBIAN_FRONTEND: "noninteractive" },
  });
}

/** Refreshes the package lists, once a process: a fresh machine has none. */
export async function updatePackages(): Promise<void> {
  packagesUpdated ??= apt(["update"]);
  await packagesUpdated;
}

/** Installs Debian's package that has the program, unless the program is there. */
export async function needProgram(path: string, packageName: string): Promise<string> {
  if (!(await exists(path))) {
    await updatePackages();
    await apt(["install", "--no-install-recommends", packageName]);
  }
  return path;
}
