const UNITS = ["B", "kB", "MB", "GB", "TB", "PB"];

/** Bytes as people read them, in powers of 1000 as disks are sold: `1.5 GB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : 1;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}

/** A duration as people read it: `0.42 s`, `12.3 s`, `3 min 5 s`. */
export function formatDuration(milliseconds: number): string {
  const seconds = milliseconds / 1000;
  if (seconds < 10) return `${seconds.toFixed(2)} s`;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  return hours > 0 ? `${hours} h ${minutes} min` : `${minutes} min ${whole % 60} s`;
}

/** `1 file`, `2 files`, `12,345 files`; `plural` where it is not the noun with an s. */
export function formatCount(count: number, noun: string, plural = `${noun}s`): string {
  return `${formatNumber(count)} ${count === 1 ? noun : plural}`;
}

/** `12,345`. By hand: the first call of `toLocaleString` takes a tenth as long as a whole snapshot. */
export function formatNumber(count: number): string {
  return String(count).replaceAll(/\B(?=(?:\d{3})+$)/g, ",");
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** From which age on a unit is used, and how long it is. */
const AGE_UNITS = [
  { from: 730 * DAY_MS, length: 365 * DAY_MS, noun: "year" },
  { from: 60 * DAY_MS, length: 30 * DAY_MS, noun: "month" },
  { from: 14 * DAY_MS, length: 7 * DAY_MS, noun: "week" },
  { from: 48 * HOUR_MS, length: DAY_MS, noun: "day" },
  { from: 90 * MINUTE_MS, length: HOUR_MS, noun: "hour" },
  { from: MINUTE_MS, length: MINUTE_MS, noun: "minute" },
] as const;

/** An age as people read it, rounded down: `moments`, `45 minutes`, `30 hours`, `5 days`. */
export function formatAge(milliseconds: number): string {
  const unit = AGE_UNITS.find(({ from }) => milliseconds >= from);
  if (unit === undefined) return "moments";
  return formatCount(Math.floor(milliseconds / unit.length), unit.noun);
}

/** A time in UTC and whole seconds, as sidecars and labels have it: `2026-11-24T05:31:11Z`. */
export function formatTime(time: Date): string {
  return time.toISOString().replace(/\.\d+Z$/, "Z");
}

/** The same of a time that may not be known, for documents, where nothing is missing. */
export function timeOrNull(time: Date | undefined): string | null {
  return time === undefined ? null : formatTime(time);
}

/**
 * A time as sidecars have it, on the clock of this machine: `2026-11-24 06:31:11 +01:00`. What is no time stays as it is.
 */
export function formatLocalTime(text: string): string {
  const time = new Date(/^\d{4}-\d\d-\d\dT/.test(text) ? text : NaN);
  const aheadMinutes = -time.getTimezoneOffset();
  if (Number.isNaN(aheadMinutes)) return text;
  const local = new Date(time.getTime() + aheadMinutes * MINUTE_MS).toISOString();
  const offset = new Date(Math.abs(aheadMinutes) * MINUTE_MS).toISOString().slice(11, 16);
  return `${local.slice(0, 19).replace("T", " ")} ${aheadMinutes < 0 ? "-" : "+"}${offset}`;
}

/**
 * A word as a shell takes it, so that a command that is shown can be used as it is. Shells expand `~` at the start of
 * a word and after `=` and `:`, and zsh a word that starts with `=`.
 */
export function shellWord(word: string): string {
  return /^(?![=~]|.*[=:]~)[\w@%+=:,./~-]+$/.test(word)
    ? word
    : `'${word.replaceAll("'", String.raw`'\''`)}'`;
}
