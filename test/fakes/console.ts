import { Readable, Writable } from "node:stream";
import type { CliIo } from "../../src/cli/io.ts";
import { Interruption } from "../../src/cli/interruption.ts";
import { runProgram } from "../../src/cli/program.ts";
import { FakeClient } from "./client.ts";
import type { FakeEngine } from "./engine.ts";
import { DEFAULT_HOST } from "./workspace.ts";

/** What a command printed, and how it ended. */
export interface Printed {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Both, as a terminal gets them. */
  readonly shown: string;
}

export interface FakeConsole {
  readonly cwd: string;
  readonly engine: FakeEngine;
  readonly now: () => Date;
  /** Sees each client of the engine before it is used. */
  /** How wide the terminal is. */
  readonly columns?: number;
  /** Whether it is one; as a rule it is. */
  readonly isTerminal?: boolean;
  readonly prepare?: (client: FakeClient) => void;
  /** Hears what is written to the terminal, as it comes. */
  readonly onOutput?: (text: string) => void;
  /** What is typed at questions; without, nobody is there. */
  readonly typed?: string;
  /** What the person does to end the command. */
  readonly interruption?: Interruption;
}

/** A terminal for standard output and standard error, and what was written to them. */
export interface FakeTerminal {
  readonly io: CliIo;
  readonly printed: () => Omit<Printed, "code">;
}

export function fakeTerminal({
  cwd,
  engine,
  now,
  columns = 300,
  isTerminal = true,
  prepare,
  onOutput = () => {},
  typed,
  interruption = quietInterruption(),
}: FakeConsole): FakeTerminal {
  let shown = "";
  const show = (text: string): void => {
    shown += text;
    onOutput(text);
  };
  const stdout = new Screen(columns, isTerminal, show);
  const stderr = new Screen(columns, isTerminal, show);
  const stdin = Readable.from(typed === undefined ? [] : [typed]);
  const io: CliIo = {
    stdin: Object.assign(stdin, { isTTY: typed !== undefined }),
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
    interruption,
  };
  return { io, printed: () => ({ stdout: stdout.text, stderr: stderr.text, shown }) };
}

/** Runs a command as on a terminal, with colours, in this process and on an engine in memory. */
export async function runOnConsole(
  words: readonly string[],
  console: FakeConsole,
): Promise<Printed> {
  const { io, printed } = fakeTerminal(console);
  const code = await runProgram(words, io);
  return { code, ...printed() };
}

/** Nobody interrupts. */
export function quietInterruption(endAtOnce: () => void = () => {}): Interruption {
  return new Interruption({ interrupted: () => {}, defect: () => {} }, endAtOnce);
}

class Screen extends Writable {
  readonly isTTY: boolean;
  readonly columns: number;
  text = "";

  readonly #show: (text: string) => void;

  constructor(columns: number, isTTY: boolean, show: (text: string) => void) {
    super();
    this.columns = columns;
    this.isTTY = isTTY;
    this.#show = show;
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    const text = chunk.toString("utf8");
    this.text += text;
    this.#show(text);
    done();
  }
}
