import { stripVTControlCharacters } from "node:util";

/** Characters that take two places of a terminal: East Asian ones, and pictures. */
const WIDE =
  /[\u1100-\u115f\u2329\u232a\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe10-\ufe19\ufe30-\ufe6f\uff01-\uff60\uffe0-\uffe6]|[\u{16fe0}-\u{18d08}\u{1aff0}-\u{1b2fb}\u{1f200}-\u{1f2ff}\u{20000}-\u{3fffd}]|\p{Emoji_Presentation}/u;
/**
 * Characters that take none: they change the one before, or join a Korean syllable. Signs that only stand before
 * numbers are seen.
 */
const ZERO =
  /^(?![\u00ad\u0600-\u0605\u06dd\u070f\u0890\u0891\u08e2\u{110bd}\u{110cd}])[\p{Mn}\p{Me}\p{Cf}\u1160-\u11ff\ud7b0-\ud7fb]$/u;
/** Makes a picture of the sign before, which is as wide as other pictures. */
const AS_PICTURE = "\uFE0F";

/** Nearly all there is. */
const PLAIN = /^[ -~]*$/;

/** How many places of a terminal a text takes; colours take none. */
export function textWidth(text: string): number {
  if (PLAIN.test(text)) return text.length;
  return placesOf(text).reduce((sum, { width }) => sum + width, 0);
}

/** A text that takes no more than so many places; what was cut off leaves an ellipsis. Colours stay. */
export function shortened(text: string, width: number): string {
  return cut(text, width, 0);
}

/** The same with both ends of the text, where the end tells as much as the beginning: a name, a path. */
export function shortenedInMiddle(text: string, width: number): string {
  return cut(text, width, Math.floor((width - 1) / 2));
}

/** @param tailWidth how many of the places are for the text's end. */
function cut(text: string, width: number, tailWidth: number): string {
  if (textWidth(text) <= width) return text;
  const plain = stripVTControlCharacters(text);
  const places = placesOf(plain);
  const tail = within(places.toReversed(), tailWidth).toReversed();
  const head = within(places, width - 1 - Math.max(0, tailWidth));
  // Colours go around a whole cell.
  return text.replace(plain, () => `${head.join("")}…${tail.join("")}`);
}

function within(places: readonly Place[], room: number): readonly string[] {
  const kept: string[] = [];
  let left = room;
  for (const { text, width } of places) {
    left -= width;
    if (left < 0) break;
    kept.push(text);
  }
  return kept;
}

/** A character with those that change it. */
interface Place {
  text: string;
  width: number;
}

function placesOf(text: string): readonly Place[] {
  const places: Place[] = [];
  for (const character of stripVTControlCharacters(text)) {
    const width = characterWidth(character);
    const last = places.at(-1);
    if (width > 0 || last === undefined) {
      places.push({ text: character, width });
    } else {
      last.text += character;
      if (character === AS_PICTURE) last.width = 2;
    }
  }
  return places;
}

function characterWidth(character: string): number {
  if (ZERO.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}
