import { Readable, Writable } from "node:stream";
import type { CliIo } from "../../src/cli/io.ts";
import { runProgram } from "../../src/cli/program.ts";
import { FakeClient } from "./client.ts";
import type { FakeEngine } from "./engine.ts";
import { DEFAULT_HOST } from "./workspace.ts";

/** What a command printed, and how it ended. */
export interface Printed {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface FakeConsole {
  readonly cwd: string;
  readonly engine: FakeEngine;
  readonly now: () => Date;
  /** Sees each client of the engine before it is used. */
  /** How wide the terminal is. */
  readonly columns?: number;
  readonly prepare?: (client: FakeClient) => void;
}

/** Runs a command as on a terminal, with colours, in this process and on an engine in memory. */
export async function runOnConsole(
  words: readonly string[],
  { cwd, engine, now, columns = 300, prepare }: FakeConsole,
): Promise<Printed> {
  const [stdout, stderr] = [new Screen(columns), new Screen(columns)];
  const io: CliIo = {
    stdin: Readable.from([]),
    stdout,
    stderr,
    env: { DOCKER_HOST: DEFAULT_HOST, DOCKFORM_HELPER_IMAGE: "helper:1" },
    cwd,
    homeFolder: cwd,
    // Nothing can be shared with a helper: data goes by exec.
    temporaryFolder: "/no/such/folder",
    platform: "linux",
    machine: "x86_64",
    nodeVersion: "24.0.0",
    client: "somebody@here, process 1",
    userId: 0,
    runsHere: () => false,
    loadConnect: async () => () => {
      const client = new FakeClient(engine);
      prepare?.(client);
      return client;
    },
    now,
    signal: new AbortController().signal,
  };
  const code = await runProgram(words, io);
  return { code, stdout: stdout.text, stderr: stderr.text };
}

class Screen extends Writable {
  readonly isTTY = true;
  readonly columns: number;
  text = "";

  constructor(columns: number) {
    super();
    this.columns = columns;
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString("utf8");
    done();
  }
}
