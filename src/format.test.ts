import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import fc from "fast-check";
import {
  formatAge,
  formatBytes,
  formatCount,
  formatDuration,
  formatLocalTime,
  formatNumber,
  shellWord,
} from "./format.ts";

test("bytes read as people say them", () => {
  const cases: readonly (readonly [number, string])[] = [
    [0, "0 B"],
    [999, "999 B"],
    [1000, "1.0 kB"],
    [62_684_774, "62.7 MB"],
    [128_000_000, "128 MB"],
    [999_600, "1.0 MB"],
    [1.5e9, "1.5 GB"],
    [9e18, "9000 PB"],
  ];
  for (const [bytes, text] of cases) assert.equal(formatBytes(bytes), text);
});

test("no number of bytes is shown with more than four digits or with a unit too small", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), (bytes) => {
      assert.match(formatBytes(bytes), /^\d{1,4}(\.\d)? (B|[kMGTP]B)$/);
    }),
  );
});

test("durations and counts read as people say them", () => {
  assert.equal(formatDuration(420), "0.42 s");
  assert.equal(formatDuration(12_340), "12.3 s");
  assert.equal(formatDuration(185_000), "3 min 5 s");
  assert.equal(formatDuration(7_380_000), "2 h 3 min");
  assert.equal(formatDuration(119_900), "2 min 0 s");
  assert.equal(formatCount(1, "file"), "1 file");
  assert.equal(formatCount(12_345, "file"), "12,345 files");
});

test("ages read as people say them, and never as more than they are", () => {
  const minute = 60_000;
  const day = 1440 * minute;
  const cases: readonly (readonly [number, string])[] = [
    [0, "moments"],
    [59_999, "moments"],
    [minute, "1 minute"],
    [89.9 * minute, "89 minutes"],
    [90 * minute, "1 hour"],
    [1.99 * day, "47 hours"],
    [2 * day, "2 days"],
    [14 * day, "2 weeks"],
    [60 * day, "2 months"],
    [729 * day, "24 months"],
    [730 * day, "2 years"],
  ];
  for (const [age, text] of cases) assert.equal(formatAge(age), text);
});

test("thousands are set apart as everywhere else", () => {
  assert.equal(formatNumber(0), "0");
  fc.assert(
    fc.property(fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), (count) => {
      assert.equal(formatNumber(count), count.toLocaleString("en-US"));
    }),
  );
});

test("a shell takes a shown word as the word that was meant", () => {
  const words = [
    "~",
    "~root/a",
    "a=~/b",
    "--from=~/b",
    "a=b:~/c",
    "=ls",
    "my backups/a.tar",
    "$(echo x) `id` $HOME",
    "it's",
    "a\nb",
    "",
    "*",
    "-x",
  ];
  for (const word of words) {
    const script = `printf %s ${shellWord(word)}`;
    for (const shell of ["sh", "bash"]) {
      assert.equal(execFileSync(shell, ["-c", script], { encoding: "utf8" }), word, shell);
    }
  }
  for (const word of ["data@latest~1", "/a/b.tar.zst", "--create"]) {
    assert.equal(shellWord(word), word);
  }
  assert.equal(shellWord("=ls"), "'=ls'");
});

test("a local time says how far it is from UTC, and what is no time stays as it is", () => {
  const before = process.env["TZ"];
  try {
    for (const [zone, summer, winter] of [
      ["UTC", "2026-07-01 23:30:00 +00:00", "2026-01-01 00:00:00 +00:00"],
      ["Europe/Berlin", "2026-07-02 01:30:00 +02:00", "2026-01-01 01:00:00 +01:00"],
      ["America/St_Johns", "2026-07-01 21:00:00 -02:30", "2025-12-31 20:30:00 -03:30"],
      ["Asia/Kathmandu", "2026-07-02 05:15:00 +05:45", "2026-01-01 05:45:00 +05:45"],
    ] as const) {
      process.env["TZ"] = zone;
      assert.equal(formatLocalTime("2026-07-01T23:30:00Z"), summer);
      assert.equal(formatLocalTime("2026-01-01T00:00:00Z"), winter);
      assert.equal(formatLocalTime("an unknown time"), "an unknown time");
    }
  } finally {
    if (before === undefined) delete process.env["TZ"];
    else process.env["TZ"] = before;
  }
});
