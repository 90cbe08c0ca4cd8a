import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

const SRC = join(import.meta.dirname, "../../src");
/** Beyond this a room holds more than one subject. */
const LARGEST_SHARE = 1 / 5;

test("no room of src holds a fifth of its lines", async () => {
  const lines = await linesByRoom();
  const total = sum(lines.values());
  const [largest] = [...lines].toSorted(([, one], [, other]) => other - one);
  assert.ok(largest !== undefined && lines.size > 10);
  const [room, count] = largest;
  assert.ok(count < total * LARGEST_SHARE, `${room} holds ${count} of ${total} lines: split it`);
});

/** All but the tests; the files of src itself count as a room. */
async function linesByRoom(): Promise<ReadonlyMap<string, number>> {
  const lines = new Map<string, number>();
  for (const path of await readdir(SRC, { recursive: true })) {
    if (!/(?<!\.test)\.(ts|sh|pl)$/.test(path)) continue;
    const room = path.includes("/") ? path.slice(0, path.indexOf("/")) : "src itself";
    const count = (await readFile(join(SRC, path), "utf8")).split("\n").length - 1;
    lines.set(room, (lines.get(room) ?? 0) + count);
  }
  return lines;
}

function sum(numbers: Iterable<number>): number {
  return [...numbers].reduce((total, number) => total + number, 0);
}
