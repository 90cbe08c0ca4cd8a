import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { DockformError, messageOf, systemCode } from "../errors.ts";
import type { LocalSide } from "./endpoint.ts";
import { SSH_FAILED, type SshEnd } from "./ssh-failure.ts";

/** More than any message of ssh has. */
const WORDS_CHARACTERS = 8192;
/** What a process said is there when it ends, unless another one that it has left behind can still say more. */
const LAST_WORDS_MS = 500;

/**
 * One call of the user's ssh. It has no terminal: it can neither ask for a password, nor does Ctrl-C reach it, which
 * would cut the line that is needed to tidy up.
 */
export class SshProcess {
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  readonly #closed: Promise<unknown>;
  #words = "";

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#exited = once(child, "exit");
    this.#closed = once(child, "close");
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#words = (this.#words + text).slice(-WORDS_CHARACTERS);
    });
  }

  /**
   * @param connection what its standard input and output are to be; nothing without.
   * @throws DockformError `ssh.missing`
   */
  static async start(
    args: readonly string[],
    { env }: LocalSide,
    connection?: Socket,
  ): Promise<SshProcess> {
    const end = connection ?? "ignore";
    const child = spawn("ssh", args, {
      // A hop on the way knows nothing of our BatchMode: it must not find a way to ask, either.
      env: { ...env, SSH_ASKPASS_REQUIRE: "never" },
      stdio: [end, end, "pipe"],
      detached: true,
    });
    try {
      await once(child, "spawn");
    } catch (error) {
      throw notStarted(error);
    }
    return new SshProcess(child);
  }

  /** What it has written to standard error. */
  get words(): string {
    return this.#words;
  }

  /** Resolves once it has ended; what it leaves in the background may go on, and speak. */
  async ended(): Promise<SshEnd> {
    await this.#exited;
    const { exitCode } = this.#child;
    if (exitCode !== 0) await Promise.race([this.#closed, sleep(LAST_WORDS_MS)]);
    const { stderr } = this.#child;
    if (stderr instanceof Socket) stderr.unref();
    return { exitCode, words: this.#words };
  }

  /** Ends it, and with it the hops on the way, which are its children. */
  kill(): void {
    this.#child.kill();
  }
}

function notStarted(error: unknown): DockformError {
  const isMissing = systemCode(error) === "ENOENT";
  return new DockformError("ssh.missing", `ssh cannot be run: ${messageOf(error)}`, {
    hint: isMissing
      ? "Install OpenSSH's client: engines at ssh:// are reached through it."
      : "Does `ssh -V` work?",
    cause: error,
  });
}

/** An end that was waited for too long. */
export function tooLong(words: string, seconds: number): SshEnd {
  return { exitCode: SSH_FAILED, words: `${words}\nno answer within ${seconds} seconds` };
}
