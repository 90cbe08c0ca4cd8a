import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { progressBar, progressText } from "./progress.ts";
import { textWidth } from "./width.ts";

const HALF_WAY = {
  label: "paperless_data",
  elapsedMs: 4000,
  bytes: 1.2e9,
  totalBytes: 2.4e9,
  entries: 12_345,
  totalEntries: 23_456,
};

test("a bar of 80 columns has bytes, time left, entries and rate", () => {
  assert.equal(
    progressBar(HALF_WAY, 80),
    "paperless_… [#####.....] 50 % 1.2 of 2.4 GB, 4 s left, 12,345 entries, 300 MB/s",
  );
});

test("where there is room, a bar says how many entries there are", () => {
  assert.equal(
    progressBar(HALF_WAY, 100),
    "paperless_data [#####.....] 50 % 1.2 of 2.4 GB, 4 s left, 12,345 of 23,456 entries, 300 MB/s",
  );
});

test("more entries than there were to be are not said to be some of those", () => {
  const text = progressText({ ...HALF_WAY, entries: 30_000 });
  assert.match(text, /, 30,000 entries, /);
});

test("a label is cut by the room that its characters take", () => {
  const bar = progressBar({ ...HALF_WAY, label: "数据数据数据数据" }, 80);
  assert.match(bar, /^数据数据数… \[/);
});

test("before the total is known there is no bar and no time left", () => {
  const { totalBytes: _, ...unknown } = HALF_WAY;
  assert.equal(
    progressBar(unknown, 80),
    "paperless_data 1.2 GB, 12,345 of 23,456 entries, 300 MB/s",
  );
});

test("in the first second there is no rate, and so no time left", () => {
  assert.equal(
    progressText({ ...HALF_WAY, elapsedMs: 500 }),
    "paperless_data: 50 %, 1.2 of 2.4 GB, 12,345 of 23,456 entries",
  );
});

test("what goes on is never said to be done", () => {
  assert.match(progressText({ ...HALF_WAY, bytes: 2.5e9 }), /^paperless_data: 99 %/);
});

test("a bar stays within its line, whatever it has to say", () => {
  const state = fc.record({
    label: fc.string({ maxLength: 100, unit: "grapheme" }),
    elapsedMs: fc.nat(1e9),
    bytes: fc.nat(1e15),
    totalBytes: fc.option(fc.nat(1e15), { nil: 0 }),
    entries: fc.nat(1e7),
    totalEntries: fc.nat(1e7),
  });
  fc.assert(
    fc.property(state, fc.integer({ min: 20, max: 200 }), (each, columns) => {
      assert.ok(textWidth(progressBar(each, columns)) < columns);
    }),
  );
});
