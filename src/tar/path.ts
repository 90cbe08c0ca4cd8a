import { isUtf8 } from "node:buffer";
import { escaped, UNSHOWABLE_CLASS } from "../showable.ts";
import type { ByteText } from "./header.ts";

/** What the root of an archive is called. */
export const ROOT_PATH = ".";

/**
 * The one spelling of a stored path by which entries of different archives are known: `./a//b/` and
 * `/a/b` are `a/b`, as tar extracts them. `..` stays: it leads elsewhere.
 */
export function entryPath(stored: ByteText): ByteText {
  // Nearly all look like this, and need no taking apart.
  const plain = stored.startsWith("./") ? stored.slice(2) : stored;
  if (!ODD.test(plain)) return plain === "" ? ROOT_PATH : plain;
  const parts = stored.split("/").filter((part) => part !== "" && part !== ".");
  return parts.length === 0 ? ROOT_PATH : parts.join("/");
}

/** Something to be left out of it: an empty part, or a dot alone. */
const ODD = /(?:^|\/)(?:\.?\/|\.?$)/;

/** Whether a path is this one, or lies below it. */
export function isWithin(path: ByteText, folder: ByteText): boolean {
  return folder === ROOT_PATH || path === folder || path.startsWith(`${folder}/`);
}

/**
 * A path for people: as UTF-8 where it is that, and what would disturb a line of output, or is no
 * text at all, as `\n` or `\xff`; a backslash is doubled, so that it can be typed back (`typedPath`).
 */
export function displayText(bytes: ByteText): string {
  const raw = Buffer.from(bytes, "latin1");
  return isUtf8(raw)
    ? raw.toString("utf8").replaceAll(UNSHOWABLE, escaped)
    : bytes.replaceAll(NOT_ASCII, escapedByte);
}

/** A byte above those of ASCII is no text: `\xff`, where a character of a text is `\u00ff`. */
function escapedByte(byte: string): string {
  const code = byte.charCodeAt(0);
  return code > 0x7f ? `\\x${code.toString(16)}` : escaped(byte);
}

/** Of a text: what no line may hold, and what escapes begin with. */
const UNSHOWABLE = new RegExp(String.raw`[\\${UNSHOWABLE_CLASS}]`, "g");
// oxlint-disable-next-line no-control-regex -- those are what must not reach a terminal
const NOT_ASCII = /[^\u0020-\u005b\u005d-\u007e]/g;
