/** How long an engine may take for an answer before it is given up. */
export interface AnswerLimit {
  /** From the request to the head of the answer. */
  readonly headMs: number;
  /** Without a byte of a body that is a stream. Of one that is JSON, which engines send in one piece: to its end. */
  readonly silenceMs: number;
}

const BODY_SILENCE_MS = 25_000;
const MINUTE_MS = 60_000;

/** The first question of all, which an engine answers at once or never. */
export const PING: AnswerLimit = { headMs: 25_000, silenceMs: BODY_SILENCE_MS };

/**
 * Whatever an engine answers from its memory. It may wait for a volume driver that is dead, for which it has limits of
 * 30 seconds itself.
 */
export const LOOKUP: AnswerLimit = { headMs: MINUTE_MS, silenceMs: BODY_SILENCE_MS };

/**
 * What changes a container, or looks at one that may be changing meanwhile: file systems are mounted, signals waited
 * for, folders removed, and an engine does one of these at a time for each container.
 */
export const CONTAINER_WORK: AnswerLimit = { headMs: 10 * MINUTE_MS, silenceMs: BODY_SILENCE_MS };

/** What walks through a volume of any size, or packs an image of one: minutes on large disks. */
export const DATA_WORK: AnswerLimit = { headMs: 120 * MINUTE_MS, silenceMs: BODY_SILENCE_MS };

/** A pull, a build or an import: it says how far it is, but may wait long for a registry, or a layer. */
export const PROGRESS: AnswerLimit = { headMs: 10 * MINUTE_MS, silenceMs: 10 * MINUTE_MS };

/** An answer that comes when something ends: whoever asks has a limit of their own, or none. */
export const UNLIMITED: AnswerLimit = { headMs: Infinity, silenceMs: Infinity };

const KILL_MS = 2 * MINUTE_MS;

/**
 * A stop, for which a container has its own time.
 *
 * @param seconds after which the engine kills it; negative for never
 */
export function stopLimit(seconds: number): AnswerLimit {
  const headMs = seconds < 0 ? Infinity : seconds * 1000 + KILL_MS;
  return { headMs, silenceMs: BODY_SILENCE_MS };
}

/** Longer ones end at once, in Node.js. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Calls `expire` after a time, which may be infinite. */
export function startTimer(ms: number, expire: () => void): Disposable {
  const timer = ms > LONGEST_TIMER_MS ? undefined : setTimeout(expire, ms);
  return { [Symbol.dispose]: () => clearTimeout(timer) };
}
