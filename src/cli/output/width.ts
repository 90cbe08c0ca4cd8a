import { stripVTControlCharacters } from "node:util";

/** Characters that take two places of a terminal: East Asian ones, and pictures. */
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;
/** Characters that take none: they change the one before. */
const ZERO = /^[\p{Mn}\p{Me}\p{Cf}]$/u;

/** Nearly all there is. */
const PLAIN = /^[ -~]*$/;

/** How many places of a terminal a text takes; colours take none. */
export function textWidth(text: string): number {
  if (PLAIN.test(text)) return text.length;
  let width = 0;
  for (const character of stripVTControlCharacters(text)) width += characterWidth(character);
  return width;
}

/** A text that takes no more than so many places; what was cut off leaves an ellipsis. Colours stay. */
export function shortened(text: string, width: number): string {
  if (textWidth(text) <= width) return text;
  const plain = stripVTControlCharacters(text);
  let kept = "";
  let room = width - 1;
  for (const character of plain) {
    room -= characterWidth(character);
    if (room < 0) break;
    kept += character;
  }
  // Colours go around a whole cell.
  return text.replace(plain, () => `${kept}…`);
}

function characterWidth(character: string): number {
  if (ZERO.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}
