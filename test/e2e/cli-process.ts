import type { ChildProcessByStdio } from "node:child_process";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";

/** Short: what is waited for may be over a few milliseconds later. */
const POLL_MS = 2;
/** An engine that is asked all the time has less time for what is waited for. */
export const ENGINE_POLL_MS = 20;
const UNTIL_LIMIT_MS = 60_000;

/** How a call of the CLI ended. */
export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A call of the CLI that is under way. */
export class CliProcess {
  readonly pid: number;
  readonly ended: Promise<CliResult>;
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  #stdout = "";
  #stderr = "";
  #over = false;

  /** `assertPrinted` looks at what a call that was not killed has printed. */
  constructor(
    child: ChildProcessByStdio<null, Readable, Readable>,
    assertPrinted: (stdout: string) => void = () => {},
  ) {
    this.#child = child;
    this.pid = child.pid ?? 0;
    child.stdout.setEncoding("utf8").on("data", (text: string) => (this.#stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (this.#stderr += text));
    this.ended = new Promise<CliResult>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code) => {
        this.#over = true;
        resolve({ code, stdout: this.#stdout, stderr: this.#stderr });
      });
    }).then((result) => {
      if (result.code !== null) assertPrinted(result.stdout);
      return result;
    });
    this.ended.catch(() => {});
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Waits for something to happen while the process runs. */
  async until(what: string, happened: () => Promise<boolean> | boolean): Promise<void> {
    await until(what, async () => {
      if (await happened()) return true;
      if (this.#over) throw new Error(`ended before ${what}: ${this.#stderr}`);
      return false;
    });
  }

  /** Waits until a text was printed on standard error. */
  async said(text: string): Promise<void> {
    await this.until(`it says "${text}"`, () => this.#stderr.includes(text));
  }

  /** Stops the process at a moment, does something, and lets the process go on. */
  async whileStopped(act: () => Promise<void> | void): Promise<void> {
    this.signal("SIGSTOP");
    try {
      await act();
    } finally {
      this.signal("SIGCONT");
    }
  }
}

/** Waits for something to happen. */
export async function until(
  what: string,
  happened: () => Promise<boolean> | boolean,
  pollMs = POLL_MS,
): Promise<void> {
  const deadline = Date.now() + UNTIL_LIMIT_MS;
  while (!(await happened())) {
    if (Date.now() > deadline) throw new Error(`waited in vain until ${what}`);
    await sleep(pollMs);
  }
}
