import { once } from "node:events";
import type { OutputStream } from "../io.ts";

/**
 * Writes what may be more than memory, as fast as its reader takes it.
 *
 * @returns whether the reader took it all; one that goes away (`| head`) ends it without an error.
 */
export async function writeAll(
  stream: OutputStream,
  pieces: AsyncIterable<string | Uint8Array>,
): Promise<boolean> {
  for await (const piece of pieces) {
    if (stream.destroyed || stream.errored) return false;
    if (stream.write(piece)) continue;
    // A reader that goes away never asks for more.
    await Promise.race([once(stream, "drain"), once(stream, "close")]).catch(() => {});
  }
  return true;
}

/** Joins lines to pieces that are worth a write. */
export async function* inPieces(lines: AsyncIterable<string>): AsyncGenerator<string> {
  let piece = "";
  for await (const line of lines) {
    piece += `${line}\n`;
    if (piece.length < PIECE_CHARACTERS) continue;
    yield piece;
    piece = "";
  }
  if (piece !== "") yield piece;
}

const PIECE_CHARACTERS = 1 << 14;
