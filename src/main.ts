import { homedir, machine, tmpdir } from "node:os";
import { outputStream } from "./cli/output/standard-output.ts";
import { runProgram } from "./cli/program.ts";
import { DockformError, messageOf, stackOf, unexpected } from "./errors.ts";
import { clientName, runsHere } from "./process-edge.ts";

const interruption = new AbortController();

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    if (interruption.signal.aborted) {
      process.stderr.write("Still cleaning up; this ends by itself.\n");
      return;
    }
    process.stderr.write("\nInterrupted; cleaning up.\n");
    interruption.abort(new DockformError("command.interrupted", "interrupted"));
  });
}
// Even a defect must not leave containers stopped: it ends the command by the same way.
for (const event of ["uncaughtException", "unhandledRejection"] as const) {
  process.on(event, (error: unknown) => {
    // At once: a command that hangs does not come to tell it.
    process.stderr.write(`unexpected: ${stackOf(error)}\n`);
    process.exitCode = 1;
    interruption.abort(unexpected(messageOf(error), error));
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
    get client() {
      return clientName();
    },
    runsHere,
    now: () => new Date(),
    signal: interruption.signal,
  });
}

let isOver = false;
// A command that waits for what never comes would end with 0.
process.once("exit", () => {
  if (isOver) return;
  process.stderr.write("unexpected: the command did not come to its end\n");
  process.exitCode = 1;
});
void main().finally(() => (isOver = true));
