import { buffer } from "node:stream/consumers";
import type { FakeContainer } from "./container.ts";
import type { FindProgram } from "./engine.ts";
import type { Program, ProgramIo } from "./process.ts";

/** What a verb of the fake helper gets. */
export interface FakeVerbCall {
  readonly args: readonly string[];
  /** The volume that the helper's container has mounted. */
  readonly volume: string;
  /** All of the data that is sent to it; a verb that is sent none must not ask. */
  readonly input: () => Promise<Buffer>;
  /** Sends data to the client. */
  readonly output: (bytes: Uint8Array) => void;
}

export interface FakeReply {
  readonly status?: number;
  readonly facts?: Readonly<Record<string, string>>;
  readonly messages?: readonly string[];
}

export type FakeVerb = (call: FakeVerbCall) => FakeReply | Promise<FakeReply>;

/** What stands in for the helper's script. */
export interface FakeScript {
  readonly verbs: Readonly<Record<string, FakeVerb>>;
  /** Called when the client is gone; returns the exit status: 0 when nothing is left to be done. */
  readonly finish: (volume: string) => number;
}

/** An image that has what it takes. */
export const hello = (): FakeReply => ({
  facts: { tar: "tar (GNU tar) 1.34", zstd: "zstd 1.5", lacks: "" },
});

/** Has helper containers run a script in memory; all else is left to the engine. */
export function runsHelpers(script: FakeScript): FindProgram {
  return (command, container) => {
    const [name, ...words] = command.slice(2);
    const isHelper = command[0] === "sh" && words.length > 0 && name !== undefined;
    const [itself, verb, ...args] = words;
    if (!isHelper || itself !== "dockform-helper" || verb === undefined) return undefined;
    const volume = volumeOf(container);
    return verb === "serve" ? serving(script, volume) : running(script, volume, [verb, ...args]);
  };
}

function volumeOf({ mounts }: FakeContainer): string {
  return mounts.find(({ Type }) => Type === "volume")?.Source ?? "";
}

/** A verb a line, until the client's connection closes. */
function serving(script: FakeScript, volume: string): Program {
  return async (io) => {
    let isAsked = false;
    for await (const line of linesOf(io.stdin)) {
      if (line === "" || io.killed.aborted) continue;
      isAsked = true;
      await run(script, volume, line.split(" "), io);
    }
    // One that was killed does nothing more, and one that was asked for nothing has made nothing ready.
    if (io.killed.aborted) return 137;
    return isAsked ? script.finish(volume) : 0;
  };
}

/** As a shell reads them: readline would end a line at other characters, too. */
async function* linesOf(stdin: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let rest = "";
  for await (const bytes of stdin) {
    const lines = `${rest}${String(bytes)}`.split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
  if (rest !== "") yield rest;
}

/** One verb, as an exec. */
function running(script: FakeScript, volume: string, words: readonly string[]): Program {
  return (io) => run(script, volume, words, io);
}

async function run(
  { verbs }: FakeScript,
  volume: string,
  [name = "", ...args]: readonly string[],
  io: ProgramIo,
): Promise<number> {
  const verb = verbs[name] ?? (name === "hello" ? hello : undefined);
  if (verb === undefined) throw new Error(`the fake helper does not know ${name}`);
  const {
    status = 0,
    facts = {},
    messages = [],
  } = await verb({
    args,
    volume,
    input: () => buffer(io.stdin),
    output: (bytes) => io.write("stdout", bytes),
  });
  if (io.killed.aborted) return status;
  const mark = io.env["DOCKFORM_MARK"] ?? "";
  const lines = [
    ...messages,
    ...Object.entries(facts).map(([fact, value]) => `${mark} ${fact} ${value}`),
    `${mark} end ${status}`,
  ];
  io.write("stderr", `${lines.join("\n")}\n`);
  return status;
}
