import type { Readable, Writable } from "node:stream";
import type { EngineClient } from "../engine/client.ts";
import type { EngineEndpoint } from "../engine/endpoint.ts";
import type { Interruption } from "./interruption.ts";
import type { ShownText } from "./output/shown-text.ts";

/** A stream that people read on, or that was sent into a file or another program. Text has to be made fit for it. */
export interface OutputStream extends Writable {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(piece: ShownText | Uint8Array, done?: WriteDone): boolean;
  write(piece: ShownText | Uint8Array, encoding: BufferEncoding, done?: WriteDone): boolean;
}

type WriteDone = (error?: Error | null) => void;

/** Everything of the process that a command may see; `src/main.ts` fills it from the real one. */
export interface CliIo {
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly homeFolder: string;
  readonly temporaryFolder: string;
  readonly platform: NodeJS.Platform;
  /** As `uname -m` says it. */
  readonly machine: string;
  readonly nodeVersion: string;
  /** The number of the user that this runs as, where users have numbers. */
  readonly userId: number | undefined;
  /** Who runs this, for others to read: `root@host, process 123`. */
  readonly client: string;
  /** Whether the process of such a client is known to run. */
  readonly runsHere: (client: string) => boolean;
  /** Loads what speaks to engines, which few commands need. */
  readonly loadConnect: () => Promise<(endpoint: EngineEndpoint) => EngineClient>;
  readonly now: () => Date;
  readonly interruption: Interruption;
}

/** Whether somebody is there to answer a question. */
export function isInteractive(io: CliIo): boolean {
  return io.stdin.isTTY === true && io.stderr.isTTY === true;
}
