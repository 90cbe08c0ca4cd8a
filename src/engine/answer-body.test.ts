import assert from "node:assert/strict";
import { test } from "node:test";
import { EndlessAnswerError, readLines } from "./answer-body.ts";

const MOST = { lineBytes: 100, bytes: 1000 };

/** The lines of a body that arrives in pieces of some bytes. */
async function linesOf(text: string, pieceBytes: number): Promise<readonly string[]> {
  const bytes = Buffer.from(text);
  const body = async function* (): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += pieceBytes) yield bytes.subarray(at, at + pieceBytes);
  };
  return await Array.fromAsync(readLines(body(), MOST));
}

test("a line of an answer ends at a line feed alone, however it arrives", async () => {
  // As an engine may send what an image, a builder or a registry says.
  const lines = [{ status: "50 %\r60 %" }, { status: "a\u2028b\u2029c\u0085d" }].map((line) =>
    JSON.stringify(line).replaceAll("\\r", "\r"),
  );
  for (const pieceBytes of [1, 2, 7, 1000]) {
    assert.deepEqual(await linesOf(`${lines.join("\n\n")}\n`, pieceBytes), lines);
    assert.deepEqual(await linesOf(lines.join("\n"), pieceBytes), lines);
  }
});

test("a line, or an answer, that is longer than any is not read on", async () => {
  await assert.rejects(linesOf("x".repeat(101), 10), EndlessAnswerError);
  await assert.rejects(linesOf("x\n".repeat(501), 10), EndlessAnswerError);
});
