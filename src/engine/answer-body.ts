/** An answer is longer than any engine's. */
export class EndlessAnswerError extends Error {
  override readonly name = "EndlessAnswerError";

  constructor(mostBytes: number) {
    super(`its answer is longer than ${mostBytes / 1024 / 1024} MiB`);
  }
}

/**
 * The whole of a body, as text.
 *
 * @throws EndlessAnswerError
 */
export async function readText(
  body: AsyncIterable<Uint8Array>,
  mostBytes: number,
): Promise<string> {
  return (await readBytes(body, mostBytes)).toString();
}

/**
 * The whole of a body.
 *
 * @throws EndlessAnswerError
 */
export async function readBytes(
  body: AsyncIterable<Uint8Array>,
  mostBytes: number,
): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > mostBytes) throw new EndlessAnswerError(mostBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/**
 * The lines of a body as they arrive, without empty ones.
 *
 * @throws EndlessAnswerError
 */
export async function* readLines(
  body: AsyncIterable<Uint8Array>,
  most: { readonly lineBytes: number; readonly bytes: number },
): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let bytes = 0;
  let rest = "";
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > most.bytes) throw new EndlessAnswerError(most.bytes);
    const [end = "", ...more] = decoder.decode(chunk, { stream: true }).split("\n");
    rest += end;
    if (rest.length > most.lineBytes) throw new EndlessAnswerError(most.lineBytes);
    if (more.length === 0) continue;
    const lines = [rest, ...more];
    rest = lines.pop() ?? "";
    yield* lines.filter((line) => line.trim() !== "");
  }
  if (rest.trim() !== "") yield rest;
}
