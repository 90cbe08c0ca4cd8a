/**
 * Text from elsewhere (a name, a note, what an engine or a container says) as it may stand in a line that people read:
 * control characters, line ends and what turns the direction of text are written as `\n`, `\x1b`, `\u202e`.
 */
export function showable(text: string): string {
  return PLAIN.test(text) ? text : text.replaceAll(UNSHOWABLE, escaped);
}

/** Nearly all there is. */
const PLAIN = /^[ -~]*$/;

/**
 * C0, DEL and C1; marks, embeddings, overrides and isolates of bidirectional text; separators of lines and paragraphs;
 * the deprecated characters that change how those after them are shown. For a class of a regular expression.
 */
export const UNSHOWABLE_CLASS = String.raw`\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f`;

const UNSHOWABLE = new RegExp(`[${UNSHOWABLE_CLASS}]`, "g");

/** One character as it is shown: `\\`, `\n`, `\t`, `\x1b`, `\u202e`. */
export function escaped(character: string): string {
  if (character === "\\") return "\\\\";
  if (character === "\n") return "\\n";
  if (character === "\t") return "\\t";
  const code = character.charCodeAt(0);
  return code > 0x7f
    ? `\\u${code.toString(16).padStart(4, "0")}`
    : `\\x${code.toString(16).padStart(2, "0")}`;
}
