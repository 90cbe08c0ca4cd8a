import { listSurely } from "../workload/list-surely.ts";
import { setTimeout as sleep } from "node:timers/promises";
import type { EngineClient } from "../engine/client.ts";
import { formatDuration } from "../format.ts";
import { SILENCE_LIMIT_SECONDS } from "../helper/protocol.ts";
import {
  describeOperation,
  OPERATIONS,
  readJournal,
  type FoundOperation,
  type Journal,
} from "../journal/operation.ts";
import { stopwatch } from "../stopwatch.ts";
import type { Tools } from "../tools.ts";

/** A helper ends once its client was silent for so long; what it has begun it finishes first. */
export const WRITER_WAIT_MS = SILENCE_LIMIT_SECONDS * 1000 + 15_000;
const POLL_MS = 250;

/**
 * Waits for a helper that writes to the volume, unless its client runs on this machine. Of another one it shows that it
 * is dead only when the helper has ended: until then that finishes what it was told last.
 *
 * @returns what the engine knows of the volume in the end. Where a helper still runs, its client is at work.
 */
export async function awaitWriter(
  engine: EngineClient,
  volume: string,
  waitMs: number,
  { log, signal, runsHere }: Pick<Tools, "log" | "signal" | "runsHere">,
): Promise<Journal> {
  const clock = stopwatch();
  for (let isTold = false; ; isTold = true) {
    const journal = readJournal(await listSurely(engine, signal), volume);
    const writer = journal.operations.find(isWriting);
    if (writer === undefined || clock.total() >= waitMs) return journal;
    if (runsHere(writer.operation.client)) return journal;
    if (!isTold) {
      log.info(
        `Waiting for volume "${volume}", at most ${formatDuration(waitMs)}: ${describeOperation(writer.operation)}. If its client is gone, its helper finishes what it has begun`,
      );
    }
    await sleep(POLL_MS, undefined, { signal });
  }
}

export function isWriting({ standing, operation }: FoundOperation): boolean {
  return standing === "alive" && OPERATIONS[operation.name].needsRecovery;
}

/**
 * Which contents are in place where the helper of a dead client has left nothing to be done.
 *
 * @returns `undefined` where nobody says so.
 */
export function settledContents({ operations }: Journal): "before" | "after" | undefined {
  const brought = operations.filter(
    ({ operation: { name }, standing }) =>
      standing === "interrupted" || (standing === "settled" && name !== "recover"),
  );
  const [only] = brought;
  return brought.length === 1 ? only?.settledOn : undefined;
}
