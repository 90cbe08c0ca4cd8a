import { styleText } from "node:util";
import { escaped, UNSHOWABLE_CLASS } from "../../showable.ts";

declare const shown: unique symbol;

/**
 * Text that may reach a terminal: nothing in it that came from elsewhere moves the cursor, colours, ends a line or turns
 * the direction of text. Streams take nothing else (`OutputStream`), and only this file makes it.
 */
export type ShownText = string & { readonly [shown]: true };

export type Style = Parameters<typeof styleText>[0];

/** What tells our own colours from those that come with a text. Nobody can know it before this process runs. */
const SEAL = Array.from({ length: 4 }, () => Math.floor(Math.random() * 9000) + 1000).join(";");

// oxlint-disable-next-line no-control-regex -- what colours begin with
const COLOUR = /\u001b\[(\d+)m/g;
const SEALED = String.raw`\u001b\[(\d+);${SEAL}m`;
const SEALED_OR_UNSHOWABLE = new RegExp(`${SEALED}|[${UNSHOWABLE_CLASS}]`, "g");

/** A text with its colour, which stays when it is shown; the text itself is escaped. */
export function coloured(style: Style, text: string): string {
  const styled = styleText(style, shownPart(text), { validateStream: false });
  return styled.replaceAll(COLOUR, `\u001B[$1;${SEAL}m`);
}

/** A part of a line, escaped as it will be shown, so that its width is known. Escaping it again changes nothing. */
export function shownPart(text: string): string {
  return text.replaceAll(SEALED_OR_UNSHOWABLE, (found, code?: string) =>
    code === undefined ? escaped(found) : found,
  );
}

/** One line, without an end. */
export function shownLine(text: string): ShownText {
  return brand(
    text.replaceAll(SEALED_OR_UNSHOWABLE, (found, code?: string) =>
      code === undefined ? escaped(found) : `\u001B[${code}m`,
    ),
  );
}

/** Lines, each with its end. */
export function shownLines(lines: readonly string[]): ShownText {
  return brand(lines.map((line) => `${shownLine(line)}\n`).join(""));
}

/** Fields of a line with tabs between them, as other programs read them, and the line's end. */
export function shownFields(fields: readonly string[]): ShownText {
  return brand(`${fields.map(shownLine).join("\t")}\n`);
}

/** Text of this program that has lines, such as help: nothing from elsewhere is in it. */
export function ownText(text: string): ShownText {
  return brand(text.split("\n").map(shownLine).join("\n"));
}

/** A document with its line's end: the same JSON, and safe to look at on a terminal. */
export function shownJson(value: unknown, indent?: number): ShownText {
  return brand(`${safeJson(value, indent)}\n`);
}

function safeJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, undefined, indent).replaceAll(UNSAFE_IN_JSON, inUnicode);
}

/**
 * A document, as {@link shownJson} shows it, whose last field is a list that may be more than memory.
 *
 * @param fields those before the list, one at least.
 */
export async function* shownJsonWithList(
  fields: Readonly<Record<string, unknown>>,
  name: string,
  items: AsyncIterable<unknown>,
): AsyncGenerator<ShownText> {
  let piece = safeJson({ ...fields, [name]: [] }, INDENT_WIDTH).slice(0, -"]\n}".length);
  let isEmpty = true;
  for await (const item of items) {
    const nested = safeJson([[item]], INDENT_WIDTH);
    piece += `${isEmpty ? "" : ","}${nested.slice("[\n  [".length, -"\n  ]\n]".length)}`;
    isEmpty = false;
    if (piece.length < PIECE_CHARACTERS) continue;
    yield brand(piece);
    piece = "";
  }
  yield brand(`${piece}${isEmpty ? "" : `\n${" ".repeat(INDENT_WIDTH)}`}]\n}\n`);
}

const INDENT_WIDTH = 2;
const PIECE_CHARACTERS = 1 << 14;

/** Moves a terminal's cursor; `back` lines up, each of them cleared. */
export function clearedLines(back: number): ShownText {
  return brand(`\r\u001B[2K${"\u001B[1A\u001B[2K".repeat(back)}`);
}

/** JSON escapes C0 itself; line ends between its values are ours. */
const UNSAFE_IN_JSON = new RegExp(`(?!\\n)[${UNSHOWABLE_CLASS}]`, "g");

function inUnicode(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

function brand(text: string): ShownText {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the only place that says so
  return text as ShownText;
}
