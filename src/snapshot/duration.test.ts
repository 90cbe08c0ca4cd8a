import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { before, parseInterval, parseSpan } from "./duration.ts";

test("a span is restic's form, units in any order, and weeks", () => {
  assert.deepEqual(parseSpan("1y5m7d2h"), { years: 1, months: 5, days: 7, hours: 2 });
  assert.deepEqual(parseSpan("30d"), { years: 0, months: 0, days: 30, hours: 0 });
  assert.deepEqual(parseSpan("2w1d"), { years: 0, months: 0, days: 15, hours: 0 });
  assert.deepEqual(parseSpan("2h10y"), { years: 10, months: 0, days: 0, hours: 2 });
});

test("an interval has a length of its own", () => {
  assert.deepEqual(parseInterval("36h"), { text: "36h", milliseconds: 36 * 3_600_000 });
  assert.deepEqual(parseInterval("1d"), { text: "1d", milliseconds: 86_400_000 });
  assert.deepEqual(parseInterval("2w"), { text: "2w", milliseconds: 14 * 86_400_000 });
  assert.deepEqual(parseInterval("1d12h"), { text: "1d12h", milliseconds: 36 * 3_600_000 });
});

test("nothing else is a span or an interval", () => {
  for (const text of [
    "",
    "d",
    "1",
    "0d",
    "0h0d",
    "1D",
    "1 d",
    "-1d",
    "1.5d",
    "1d1d",
    "1d2",
    "1s",
  ]) {
    assert.equal(parseSpan(text), undefined, text);
    assert.equal(parseInterval(text), undefined, text);
  }
  // Months are not minutes: an interval of thirty months would never be over.
  for (const text of ["30m", "1y", "1y5m7d2h"]) assert.equal(parseInterval(text), undefined, text);
  assert.equal(parseSpan("123456d"), undefined);
});

test("months and years go back by the calendar", () => {
  const back = (time: string, span: string): string | undefined => {
    const parsed = parseSpan(span);
    return (
      parsed &&
      before(new Date(`${time}Z`), parsed)
        .toISOString()
        .slice(0, 16)
    );
  };
  assert.equal(back("2026-11-23T02:15", "1y5m7d2h"), "2025-06-16T00:15");
  assert.equal(back("2026-03-01T01:00", "2h"), "2026-02-28T23:00");
  assert.equal(back("2026-03-31T00:00", "1m"), "2026-03-03T00:00");
  assert.equal(back("2024-02-29T12:00", "1y"), "2023-03-01T12:00");
  assert.equal(back("2026-01-15T00:00", "13m"), "2024-12-15T00:00");
});

test("what lies a span back lies as far back as an interval of the same text", () => {
  const part = fc.nat({ max: 500 });
  fc.assert(
    fc.property(part, part, part, (weeks, days, hours) => {
      const text = `${weeks}w${days}d${hours}h`;
      const span = parseSpan(text);
      const interval = parseInterval(text);
      if (weeks + days + hours === 0) {
        assert.equal(span ?? interval, undefined);
        return;
      }
      assert.ok(span && interval);
      const now = new Date("2026-11-24T06:00:00Z");
      assert.equal(now.getTime() - before(now, span).getTime(), interval.milliseconds);
    }),
  );
});
