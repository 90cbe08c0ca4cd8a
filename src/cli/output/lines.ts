import type { OutputStream } from "../io.ts";
import { shownLines, type ShownText } from "./shown-text.ts";

/**
 * Writes what may be more than memory, as fast as its reader takes it. A piece's memory may be used again when
 * the next one is asked for.
 *
 * @returns whether all was taken; the stream itself tells why not.
 */
export async function writeAll(
  stream: OutputStream,
  pieces: AsyncIterable<ShownText | Uint8Array>,
): Promise<boolean> {
  for await (const piece of pieces) {
    if (!(await write(stream, piece))) return false;
  }
  return true;
}

function write(stream: OutputStream, piece: ShownText | Uint8Array): Promise<boolean> {
  return new Promise((resolve) => {
    stream.write(piece, (error) => resolve(!error));
  });
}

/** Joins lines to pieces that are worth a write. */
export async function* inPieces(lines: AsyncIterable<string>): AsyncGenerator<ShownText> {
  let piece: string[] = [];
  let characters = 0;
  for await (const line of lines) {
    piece.push(line);
    characters += line.length;
    if (characters < PIECE_CHARACTERS) continue;
    yield shownLines(piece);
    piece = [];
    characters = 0;
  }
  if (piece.length > 0) yield shownLines(piece);
}

const PIECE_CHARACTERS = 1 << 14;
