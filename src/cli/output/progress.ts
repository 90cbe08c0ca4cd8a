import { formatBytes, formatCount, formatDuration, formatNumber } from "../../format.ts";
import type { HelperProgress } from "../../helper/reply.ts";
import { shortened } from "./width.ts";

/** How far a task is, and since when. */
export interface TaskState extends HelperProgress {
  readonly label: string;
  readonly elapsedMs: number;
}

const BAR_CELLS = 10;
const SHORTEST_LABEL = 8;
/** Before that a rate says nothing. */
const FIRST_ESTIMATE_MS = 1000;

/** One line of a terminal: label, bar, and what else has room in it, the last things first to go. */
export function progressBar(state: TaskState, columns: number): string {
  const share = doneShare(state);
  const bar = share === undefined ? "" : `${drawBar(share)} ${percent(share)} `;
  const roomFor = (shown: readonly string[]): number =>
    columns - 2 - bar.length - shown.join(", ").length;
  let details = detailsOf(state, share);
  if (roomFor(details) < SHORTEST_LABEL) {
    const { totalEntries: _, ...less } = state;
    details = detailsOf(less, share);
  }
  while (details.length > 1 && roomFor(details) < SHORTEST_LABEL) details.pop();
  const label = shortened(state.label, roomFor(details));
  return shortened(`${label} ${bar}${details.join(", ")}`, columns - 1);
}

/** The same in words, for a log. */
export function progressText(state: TaskState): string {
  const share = doneShare(state);
  const parts = [...(share === undefined ? [] : [percent(share)]), ...detailsOf(state, share)];
  return `${state.label}: ${parts.join(", ")}`;
}

/** One line of a terminal on what is waited for: `Watching db: 3 s of at most 60 s`. */
export function waitBar(
  what: string,
  elapsedMs: number,
  limitMs: number | undefined,
  columns: number,
): string {
  const limit = limitMs === undefined ? "" : ` of at most ${wholeSeconds(limitMs)}`;
  const time = `: ${wholeSeconds(elapsedMs)}${limit}`;
  return shortened(shortened(what, Math.max(1, columns - 1 - time.length)) + time, columns - 1);
}

/** The same for a log, where it is said once. */
export function waitText(what: string, limitMs: number | undefined): string {
  return limitMs === undefined ? what : `${what}: at most ${wholeSeconds(limitMs)}`;
}

function wholeSeconds(milliseconds: number): string {
  const seconds = Math.floor(milliseconds / 1000);
  return seconds < 120 ? `${seconds} s` : formatDuration(seconds * 1000);
}

/** Below 1; `undefined` while the total is not known. A total can turn out a little too small. */
function doneShare({ bytes = 0, totalBytes }: TaskState): number | undefined {
  return totalBytes === undefined || totalBytes === 0
    ? undefined
    : Math.min(bytes / totalBytes, 0.99);
}

function detailsOf(state: TaskState, share: number | undefined): string[] {
  const { bytes = 0, totalBytes = 0, elapsedMs } = state;
  const estimable = elapsedMs >= FIRST_ESTIMATE_MS && bytes > 0;
  return [
    share === undefined ? formatBytes(bytes) : bytesOf(bytes, totalBytes),
    ...(share !== undefined && estimable ? [timeLeft(elapsedMs * (1 / share - 1))] : []),
    ...entriesOf(state),
    ...(estimable ? [`${formatBytes(bytes / (elapsedMs / 1000))}/s`] : []),
  ];
}

/** `0.9 of 2.3 GB`, `971 MB of 2.3 GB` */
function bytesOf(bytes: number, totalBytes: number): string {
  const [amount = "", unit] = formatBytes(bytes).split(" ");
  const total = formatBytes(totalBytes);
  return `${total.endsWith(` ${unit}`) ? amount : `${amount} ${unit}`} of ${total}`;
}

/** `1,200 of 100,000 entries`; without the total where it is not known, or was too small. */
function entriesOf({ entries, totalEntries = 0 }: TaskState): readonly string[] {
  if (entries === undefined) return [];
  const total = formatCount(Math.max(entries, totalEntries), "entry", "entries");
  return [entries < totalEntries ? `${formatNumber(entries)} of ${total}` : total];
}

/** `4 s`, `3 min 5 s`: nobody waits for hundredths. */
function timeLeft(milliseconds: number): string {
  const seconds = Math.ceil(milliseconds / 1000);
  return seconds < 60 ? `${seconds} s left` : `${formatDuration(seconds * 1000)} left`;
}

function drawBar(share: number): string {
  const full = Math.floor(share * BAR_CELLS);
  return `[${"#".repeat(full)}${".".repeat(BAR_CELLS - full)}]`;
}

function percent(share: number): string {
  return `${Math.floor(share * 100)} %`;
}
