/** How paths and texts are spelled in the lines that go to the script and come back: as single words without blanks. */
import type { ByteText } from "../tar/header.ts";

/** Every byte as an octal escape, which the script undoes with `printf %b`. */
export function pathWord(path: ByteText): string {
  return [...Buffer.from(path, "latin1")]
    .map((byte) => `\\0${byte.toString(8).padStart(3, "0")}`)
    .join("");
}

/** A text that the script only stores and hands back. */
export function textWord(text: string): string {
  return encodeURIComponent(text);
}

/** The text of a {@link textWord}; what is none is taken as it is. */
export function wordText(word: string): string {
  try {
    return decodeURIComponent(word);
  } catch {
    return word;
  }
}
