import { homedir, machine, tmpdir } from "node:os";
import { shownLines } from "./cli/output/shown-text.ts";
import { Interruption } from "./cli/interruption.ts";
import { outputStream } from "./cli/output/standard-output.ts";
import type { OutputStream } from "./cli/io.ts";
import { runProgram } from "./cli/program.ts";
import { EXIT_CODES } from "./error-codes/entry.ts";
import { clientName, runsHere } from "./process-edge.ts";

const stderr: OutputStream = process.stderr;
let isOver = false;
/** Before a command has begun nothing is drawn on the terminal, and nothing has to be undone. */
const interruption = new Interruption(
  {
    interrupted: () => {},
    defect: (lines) => stderr.write(shownLines(lines)),
  },
  () => {
    isOver = true;
    process.exit(EXIT_CODES.interrupted);
  },
);

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => interruption.receive(signal));
}
for (const event of ["uncaughtException", "unhandledRejection"] as const) {
  process.on(event, (error: unknown) => {
    interruption.defect(error);
    process.exitCode = 1;
  });
}
// Nobody to read messages is no reason to leave work half-done.
process.stderr.on("error", () => {});

async function main(): Promise<void> {
  process.exitCode = await runProgram(process.argv.slice(2), {
    // Only what asks a question needs it, and Node.js reads 4 ms of modules for it.
    get stdin() {
      return process.stdin;
    },
    stdout: outputStream(process.stdout),
    stderr: process.stderr,
    env: process.env,
    cwd: process.cwd(),
    homeFolder: homedir(),
    temporaryFolder: tmpdir(),
    platform: process.platform,
    machine: machine(),
    nodeVersion: process.versions.node,
    userId: process.geteuid?.(),
    get client() {
      return clientName();
    },
    runsHere,
    loadConnect: async () => {
      const { EngineClient } = await import("./engine/client.ts");
      return (endpoint) => new EngineClient(endpoint);
    },
    now: () => new Date(),
    interruption,
  });
}

// A command that waits for what never comes would end with 0.
process.once("exit", () => {
  if (isOver) return;
  interruption.tellDefect(["unexpected: the command did not finish"]);
  process.exitCode = 1;
});
void main().finally(() => (isOver = true));
