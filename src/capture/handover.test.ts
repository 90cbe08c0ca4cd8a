import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Handover } from "./handover.ts";

const CHUNKS = 50;

test("two chunks on their way reach a reader who takes his time, each while its memory is its own", async () => {
  const handover = new Handover();
  const free = [Buffer.alloc(1), Buffer.alloc(1)];
  const under: Promise<void>[] = [];
  const giveAll = async (): Promise<void> => {
    for (let i = 0; i < CHUNKS; i += 1) {
      // As a data path does: a buffer is filled again as soon as it was given.
      const buffer = free[i % free.length] ?? assert.fail();
      if (i >= free.length) await under.shift();
      buffer.writeUInt8(i);
      under.push(handover.give(buffer));
    }
    await Promise.all(under);
    handover.end();
  };
  const read: number[] = [];
  const readAll = async (): Promise<void> => {
    for await (const chunk of handover.taken()) {
      await sleep(1);
      read.push(...chunk);
    }
  };
  await Promise.all([giveAll(), readAll()]);
  assert.deepEqual(read, [...Array(CHUNKS).keys()]);
});

test("an end lets nobody wait", async () => {
  const handover = new Handover();
  const given = [handover.give(Buffer.of(1)), handover.give(Buffer.of(2))];
  handover.end();
  await Promise.all(given);
  await handover.give(Buffer.of(3));
});

test("what was given before the end is read all the same", async () => {
  const handover = new Handover();
  const given = handover.give(Buffer.of(1));
  const reader = handover.taken();
  const first = await reader.next();
  assert.deepEqual([...(first.value ?? [])], [1]);
  handover.end();
  assert.equal((await reader.next()).done, true);
  await given;
});

test("who begins to read after the end reads nothing", async () => {
  const handover = new Handover();
  handover.end();
  assert.deepEqual(await Array.fromAsync(handover.taken()), []);
});

test("what was given is read although the end came first", async () => {
  const handover = new Handover();
  const given = handover.give(Buffer.of(1));
  await sleep(1);
  handover.end();
  const read = await Array.fromAsync(handover.taken(), (chunk) => [...chunk]);
  assert.deepEqual(read, [[1]]);
  await given;
});
