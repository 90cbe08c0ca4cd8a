import type { Writable } from "node:stream";
import { createInterface } from "node:readline/promises";
import { DockformError, messageOf } from "../errors.ts";
import { isInteractive, type CliIo } from "./io.ts";
import { columnsOf, laidOut } from "./output/layout.ts";
import { shownLine } from "./output/shown-text.ts";

/**
 * Asks for a word to be typed before something is done that cannot be undone.
 *
 * @throws DockformError `refused` when another word is typed, or when nobody is there to ask.
 */
export async function confirmByTyping(io: CliIo, question: string, word: string): Promise<void> {
  if (!isInteractive(io)) {
    throw new DockformError(
      "confirm.no-terminal",
      "this removes data, and there is no terminal to ask for confirmation",
      {
        hint: "Add --skip-confirmation to do it without confirmation.",
      },
    );
  }
  const output: Writable = io.stderr;
  const prompt = createInterface({ input: io.stdin, output });
  try {
    const answer = await prompt.question(asPrompt(question, io), {
      signal: io.interruption.signal,
    });
    if (answer.trim() === word) return;
  } catch (error) {
    io.interruption.signal.throwIfAborted();
    // On a terminal readline takes Ctrl-C and Ctrl-D as keys; no signal arrives.
    if (messageOf(error).endsWith("Ctrl+C")) {
      throw new DockformError("command.interrupted", "interrupted: nothing was done", {
        cause: error,
      });
    }
  } finally {
    prompt.close();
  }
  throw new DockformError("confirm.declined", "not confirmed; nothing was done", {
    hint: `Type ${word} to confirm.`,
  });
}

/** The question as it fits the terminal; the answer is typed after its last line. */
function asPrompt(question: string, { stderr }: CliIo): string {
  const lines = laidOut([question], columnsOf(stderr), 0);
  return `${lines.map(shownLine).join("\n")} `;
}
