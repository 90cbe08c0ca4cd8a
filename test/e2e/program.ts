import { spawn } from "node:child_process";
import { CliProcess } from "./cli-process.ts";
import { assertDocumented } from "./documents.ts";

/** How a test runs the program, where not as it is usual. */
export interface CliOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** The program's main file, where it is not the one under test as it is. */
  readonly main?: string;
  /** A program with arguments that runs the CLI, e.g. in namespaces of its own. */
  readonly under?: readonly string[];
}

/** The CLI has a TMPDIR that no engine sees, a mount in a namespace of its own: data goes by exec. */
export const UNSEEN_TMPDIR: CliOptions = {
  under: ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs tmpfs "$TMPDIR" && exec "$0" "$@"'],
};

/** The program under test: the sources, or the bundle that a whole run makes of them. */
export function mainFile(): string {
  return (
    process.env["DOCKFORM_TEST_MAIN"] ?? new URL("../../src/main.ts", import.meta.url).pathname
  );
}

/** Where the program runs. */
export interface ProgramPlace {
  /** Its current folder, and its home. */
  readonly folder: string;
  readonly temporaryFolder: string;
  /** The engine's. */
  readonly host: string;
}

/** Starts the program without a terminal, with nothing of this process's environment but the PATH. */
export function startProgram(
  args: readonly string[],
  options: CliOptions,
  { folder, temporaryFolder, host }: ProgramPlace,
): CliProcess {
  const [program = process.execPath, ...programArgs] = [
    ...(options.under ?? []),
    process.execPath,
    options.main ?? mainFile(),
    ...args,
  ];
  const child = spawn(program, programArgs, {
    cwd: options.cwd ?? folder,
    env: {
      PATH: process.env["PATH"],
      HOME: folder,
      TMPDIR: temporaryFolder,
      DOCKER_HOST: host,
      ...options.env,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  // What stands between may print as well, or not let anything through.
  const isDirect = options.under === undefined;
  return new CliProcess(child, (stdout) => {
    if (isDirect) assertDocumented(args, stdout);
  });
}
