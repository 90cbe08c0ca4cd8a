import { addAbortSignal } from "node:stream";
import { createGunzip, type Gunzip } from "node:zlib";
import { messageOf } from "../errors.ts";
import { damaged } from "./damage.ts";

const OUTPUT_BYTES = 1 << 20;

/**
 * What the members of a gzip file hold, one after the other. Zeros may follow them, as tapes are filled up. Node's
 * decoder stops at the first of those and says nothing of what comes after, so that is looked at here.
 *
 * @throws DockformError `integrity` when a member is damaged or cut short, or when something else follows one.
 */
export async function* decompressGzip(
  stored: AsyncIterable<Uint8Array>,
  name: string,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const decoder = createGunzip({ chunkSize: OUTPUT_BYTES });
  if (signal !== undefined) addAbortSignal(signal, decoder);
  const fed = feed(decoder, stored, name);
  fed.catch((error: unknown) => decoder.destroy(error instanceof Error ? error : undefined));
  try {
    yield* decoder as AsyncIterable<Uint8Array>;
    await fed;
  } catch (error) {
    signal?.throwIfAborted();
    if (!isDecoderError(error)) throw error;
    throw damaged(
      name,
      `${messageOf(error)} (about byte ${decoder.bytesWritten} of the file)`,
      error,
    );
  } finally {
    decoder.destroy();
  }
}

async function feed(
  decoder: Gunzip,
  stored: AsyncIterable<Uint8Array>,
  name: string,
): Promise<void> {
  let fedBytes = 0;
  let atPadding = false;
  for await (const chunk of stored) {
    let rest = chunk;
    if (!atPadding) {
      await write(decoder, chunk);
      fedBytes += chunk.length;
      rest = chunk.subarray(chunk.length - (fedBytes - decoder.bytesWritten));
      atPadding = rest.length > 0;
    }
    if (rest.some((byte) => byte !== 0)) {
      throw damaged(
        name,
        `something follows its end (after byte ${decoder.bytesWritten} of the file)`,
      );
    }
  }
  decoder.end();
}

/** Ends when all of a chunk has been decompressed, so that its memory may be used again. */
function write(decoder: Gunzip, chunk: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    // A decoder that is destroyed while nobody takes its output forgets what it was given.
    const onClose = (): void => reject(new Error("the decoder was closed"));
    decoder.once("close", onClose);
    decoder.write(chunk, (error) => {
      decoder.off("close", onClose);
      if (error) reject(error);
      else resolve();
    });
  });
}

function isDecoderError(error: unknown): boolean {
  return error instanceof Error && "errno" in error && "code" in error && !("syscall" in error);
}
