/** Hands out bytes; a chunk stays as it is until the next but one is asked for. */
export type ByteSource = AsyncIterable<Uint8Array>;
