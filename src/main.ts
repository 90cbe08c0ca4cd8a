import { homedir, machine, tmpdir } from "node:os";
import { shownLines } from "./cli/output/shown-text.ts";
import { outputStream } from "./cli/output/standard-output.ts";
import type { OutputStream } from "./cli/io.ts";
import { runProgram } from "./cli/program.ts";
import { DockformError, messageOf, stackOf, unexpected } from "./errors.ts";
import { clientName, runsHere } from "./process-edge.ts";
import { showable } from "./showable.ts";

const stderr: OutputStream = process.stderr;
const interruption = new AbortController();

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => {
    if (interruption.signal.aborted) {
      stderr.write(shownLines(["Still cleaning up; this will finish by itself."]));
      return;
    }
    stderr.write(shownLines(["", "Interrupted; cleaning up."]));
    interruption.abort(new DockformError("command.interrupted", "interrupted"));
  });
}
// Even a defect must not leave containers stopped: it ends the command by the same way.
for (const event of ["uncaughtException", "unhandledRejection"] as const) {
  process.on(event, (error: unknown) => {
    // At once: a command that hangs does not come to tell it.
    stderr.write(shownLines(unexpected(stackOf(error), error).lines));
    process.exitCode = 1;
    interruption.abort(unexpected(showable(messageOf(error)), error));
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
    signal: interruption.signal,
  });
}

let isOver = false;
// A command that waits for what never comes would end with 0.
process.once("exit", () => {
  if (isOver) return;
  stderr.write(shownLines(["unexpected: the command did not finish"]));
  process.exitCode = 1;
});
void main().finally(() => (isOver = true));
