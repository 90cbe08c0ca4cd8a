import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { applyRetention, type RetentionPolicy } from "./retention.ts";

const NOW = new Date("2027-01-01T00:00:00Z");

interface Named {
  readonly time: Date;
  readonly note: string | undefined;
}

function at(...times: readonly string[]): readonly Named[] {
  return times.map((time) => ({ time: new Date(`${time}Z`), note: undefined }));
}

/** `time: rules` of what is kept. */
function kept(snapshots: readonly Named[], policy: RetentionPolicy): readonly string[] {
  return applyRetention(snapshots, policy, NOW)
    .filter(({ keptBy }) => keptBy.length > 0)
    .map(
      ({ snapshot, keptBy }) => `${snapshot.time.toISOString().slice(0, 16)} ${keptBy.join(",")}`,
    );
}

test("without a rule everything is kept", () => {
  const snapshots = at("2026-01-01T00:00", "2026-01-02T00:00");
  assert.deepEqual(kept(snapshots, {}), ["2026-01-02T00:00 no rule", "2026-01-01T00:00 no rule"]);
  assert.deepEqual(kept(snapshots, { daily: 0 }), kept(snapshots, {}));
});

test("the newest of each of the newest days is kept, and the oldest while there is room", () => {
  const snapshots = at(
    "2026-01-01T01:00",
    "2026-01-01T02:00",
    "2026-01-03T01:00",
    "2026-01-03T02:00",
    "2026-01-05T01:00",
  );
  assert.deepEqual(kept(snapshots, { daily: 2 }), [
    "2026-01-05T01:00 daily",
    "2026-01-03T02:00 daily",
  ]);
  assert.deepEqual(kept(snapshots, { daily: 4 }), [
    "2026-01-05T01:00 daily",
    "2026-01-03T02:00 daily",
    "2026-01-01T02:00 daily",
    "2026-01-01T01:00 oldest daily",
  ]);
});

test("a week is that of ISO 8601, across the end of a year", () => {
  const snapshots = at(
    "2026-12-27T00:00",
    "2026-12-28T00:00",
    "2027-01-03T00:00",
    "2024-12-30T00:00",
    "2025-01-05T00:00",
  );
  assert.deepEqual(kept(snapshots, { weekly: 3 }), [
    "2027-01-03T00:00 weekly",
    "2026-12-27T00:00 weekly",
    "2025-01-05T00:00 weekly",
  ]);
});

test("a span is counted from the newest one that is not from the future, and its limit is outside", () => {
  const snapshots = at(
    "2026-03-31T00:00",
    "2026-03-04T00:00",
    "2026-03-03T00:00",
    "2026-03-02T00:00",
    "2030-01-01T00:00",
  );
  assert.deepEqual(kept(snapshots, { within: "1m" }), [
    "2030-01-01T00:00 within 1m",
    "2026-03-31T00:00 within 1m",
    "2026-03-04T00:00 within 1m",
  ]);
});

test("a note that matches keeps a snapshot and uses up no other rule", () => {
  const [a, b, c] = at("2026-01-01T00:00", "2026-01-02T00:00", "2026-01-03T00:00");
  assert.ok(a && b && c);
  const snapshots = [{ ...a, note: "before the upgrade" }, b, c];
  assert.deepEqual(kept(snapshots, { note: "upgrade$", last: 2 }), [
    "2026-01-03T00:00 last",
    "2026-01-02T00:00 last",
    "2026-01-01T00:00 note",
  ]);
});

// --- against a slow and obvious model ---

const HOUR_MS = 3_600_000;
const start = Date.UTC(2024, 11, 20);
const snapshot: fc.Arbitrary<Named> = fc.record(
  {
    // Close together, so that hours, days and weeks have several.
    time: fc
      .oneof(fc.nat(72), fc.nat(2000), fc.nat(20_000))
      .chain((hours) =>
        fc.nat(59).map((minute) => new Date(start + hours * HOUR_MS + minute * 60_000)),
      ),
    note: fc.constantFrom(undefined, "keep", "other"),
  },
  { noNullPrototype: true },
);
const count = fc.option(fc.nat(6), { nil: undefined });
const policy: fc.Arbitrary<RetentionPolicy> = fc
  .record({
    last: count,
    hourly: count,
    daily: count,
    weekly: count,
    monthly: count,
    yearly: count,
    within: fc.option(fc.constantFrom("1d", "5h", "2m", "1y3d"), { nil: undefined }),
    note: fc.option(fc.constant("^keep$"), { nil: undefined }),
  })
  .map((rules) =>
    Object.fromEntries(Object.entries(rules).filter(([, rule]) => rule !== undefined)),
  );

test("what is kept is what a slow and obvious model keeps", () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(snapshot, { maxLength: 40, selector: ({ time }) => time.getTime() }),
      policy,
      (snapshots, rules) => {
        const verdicts = applyRetention(snapshots, rules, NOW);
        const found = verdicts.filter(({ keptBy }) => keptBy.length > 0);
        const expected = snapshots.filter((each) => modelKeeps(each, snapshots, rules));
        assert.deepEqual(new Set(found.map((verdict) => verdict.snapshot)), new Set(expected));
        assert.equal(verdicts.length, snapshots.length);
      },
    ),
    { numRuns: 2000 },
  );
});

function modelKeeps(one: Named, all: readonly Named[], rules: RetentionPolicy): boolean {
  const { last, hourly, daily, weekly, monthly, yearly, within, note } = rules;
  const hasRule = [last, hourly, daily, weekly, monthly, yearly].some((n) => (n ?? 0) > 0);
  if (!hasRule && within === undefined && note === undefined) return true;
  return (
    (note !== undefined && one.note === "keep") ||
    (within !== undefined && isWithinModel(one.time, all, within)) ||
    byPeriod(one, all, last, (time) => String(time.getTime())) ||
    byPeriod(one, all, hourly, (time) => `${time.toDateString()} ${time.getUTCHours()}`) ||
    byPeriod(one, all, daily, (time) =>
      [time.getUTCFullYear(), time.getUTCMonth(), time.getUTCDate()].join("-"),
    ) ||
    byPeriod(one, all, weekly, (time) => String(mondayOf(time))) ||
    byPeriod(one, all, monthly, (time) => `${time.getUTCFullYear()}-${time.getUTCMonth()}`) ||
    byPeriod(one, all, yearly, (time) => String(time.getUTCFullYear()))
  );
}

/** Goes back day by day until it is a Monday. */
function mondayOf(time: Date): number {
  let day = Date.UTC(time.getUTCFullYear(), time.getUTCMonth(), time.getUTCDate());
  while (new Date(day).getUTCDay() !== 1) day -= 24 * HOUR_MS;
  return day;
}

/** The newest of each of the newest n periods, and the oldest of all where there are fewer periods. */
function byPeriod(
  one: Named,
  all: readonly Named[],
  n: number | undefined,
  period: (time: Date) => string,
): boolean {
  if (n === undefined || n === 0) return false;
  const periods = Map.groupBy(
    all.toSorted((a, b) => b.time.getTime() - a.time.getTime()),
    ({ time }) => period(time),
  );
  const newest = [...periods.values()].slice(0, n).map(([first]) => first);
  const oldest = all.toSorted((a, b) => a.time.getTime() - b.time.getTime())[0];
  return newest.includes(one) || (periods.size < n && one === oldest);
}

function isWithinModel(time: Date, all: readonly Named[], within: string): boolean {
  const newest = new Date(
    Math.max(...all.map((each) => each.time.getTime()).filter((ms) => ms < NOW.getTime())),
  );
  const limits: Record<string, Date> = {
    "1d": new Date(newest.getTime() - 24 * HOUR_MS),
    "5h": new Date(newest.getTime() - 5 * HOUR_MS),
    "2m": new Date(new Date(newest).setUTCMonth(newest.getUTCMonth() - 2)),
    "1y3d": new Date(
      new Date(newest).setUTCFullYear(
        newest.getUTCFullYear() - 1,
        newest.getUTCMonth(),
        newest.getUTCDate() - 3,
      ),
    ),
  };
  return time.getTime() > (limits[within]?.getTime() ?? 0);
}
