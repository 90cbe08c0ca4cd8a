import type { HelperImage } from "./helper/image.ts";
import type { HelperProgress } from "./helper/reply.ts";
import type { Emit } from "./events.ts";
import type { Log } from "./log.ts";
import type { StartWait } from "./wait.ts";

/** Shows how far something is that can take more than a second. */
export interface ProgressTask {
  /** Reports how many more bytes have passed. */
  advance(bytes: number): void;
  /** Sets what has become known; the rest stays as it is. */
  readonly report: (progress: HelperProgress) => void;
  end(): void;
}

export type StartProgress = (label: string, totalBytes?: number) => ProgressTask;

/** What a verb gets from the edge: the clock, the terminal, the machine. */
export interface Tools {
  readonly log: Log;
  readonly emit: Emit;
  readonly startProgress: StartProgress;
  readonly startWait: StartWait;
  readonly now: () => Date;
  /** Aborted when the person interrupts. */
  readonly signal: AbortSignal;
  /** This program's version, for the sidecar. */
  readonly version: string;
  readonly temporaryFolder: string;
  /** Who runs this, for others to read: `root@host, process 123`. */
  readonly client: string;
  /** Whether the process of such a client is known to run. */
  readonly runsHere: (client: string) => boolean;
}

/** Finds the helper image of an engine; made at most once in a command. */
export type FindHelperImage = () => Promise<HelperImage>;
