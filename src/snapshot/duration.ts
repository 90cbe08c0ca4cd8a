/**
 * A length of time as restic writes it: `1y5m7d2h`. Months and years have no length of their own; they
 * are steps of the calendar.
 */
export interface Span {
  readonly years: number;
  readonly months: number;
  readonly days: number;
  readonly hours: number;
}

/** A length of time that is the same whenever it begins: `36h`, `1d`, `2w`. */
export interface Interval {
  /** As it was written. */
  readonly text: string;
  readonly milliseconds: number;
}

// Each unit once, in any order, and not nothing at all; said without flags for JSON Schema's sake.
/** Numbers with y, m (months), w, d or h. */
export const SPAN = /^(?=.*[1-9])(?:\d{1,5}([ymwdh])(?!.*\1))+$/;
/** Numbers with w, d or h. */
export const INTERVAL = /^(?=.*[1-9])(?:\d{1,5}([wdh])(?!.*\1))+$/;

const PARTS = /(\d+)([ymwdh])/g;
const DAYS_A_WEEK = 7;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** Reads `1y5m7d2h`, which is restic's form, and weeks besides; `undefined` for any other text. */
export function parseSpan(text: string): Span | undefined {
  if (!SPAN.test(text)) return undefined;
  const counts = new Map([...text.matchAll(PARTS)].map(([, count, unit]) => [unit, Number(count)]));
  const count = (unit: string): number => counts.get(unit) ?? 0;
  return {
    years: count("y"),
    months: count("m"),
    days: count("d") + DAYS_A_WEEK * count("w"),
    hours: count("h"),
  };
}

/** Reads the same without years and months; `undefined` for any other text. */
export function parseInterval(text: string): Interval | undefined {
  const span = INTERVAL.test(text) ? parseSpan(text) : undefined;
  return span && { text, milliseconds: span.days * DAY_MS + span.hours * HOUR_MS };
}

/**
 * The moment that lies a span before another, by UTC's calendar. A day that a month does not have is
 * counted on into the next, as restic does: a month before the 31st of March is the 3rd of March.
 */
export function before(time: Date, { years, months, days, hours }: Span): Date {
  const moved = new Date(time);
  moved.setUTCFullYear(
    time.getUTCFullYear() - years,
    time.getUTCMonth() - months,
    time.getUTCDate() - days,
  );
  return new Date(moved.getTime() - hours * HOUR_MS);
}
