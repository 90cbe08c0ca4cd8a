import { messageOf } from "../errors.ts";
import type { Leftover, TidyOutcome } from "../helper/outcomes.ts";
import type { VolumeVerbs } from "../helper/verbs.ts";
import { asideAdvice, asideText, recordAside } from "../lock/aside.ts";
import { leftoverHint, recordLeftovers } from "../lock/leftover.ts";
import type { LockedVolume } from "../lock/lock.ts";
import { stagingFolder } from "../snapshot/reserved.ts";
import type { Tools } from "../tools.ts";

/** What an operation has no more use for. */
interface Done {
  readonly lock: LockedVolume;
  /** Of the staging folder. */
  readonly id: string;
  /** For messages: `the old contents`. */
  readonly what: string;
}

/**
 * Takes away what is in a staging folder, by one of the helper's verbs. A failure to do so is a warning, and either the
 * engine remembers what could not be removed, or the operation is left for a recovery.
 *
 * @returns `undefined` where no helper could be asked.
 */
export async function tidy(
  done: Done,
  takeAway: (verbs: VolumeVerbs) => Promise<TidyOutcome>,
  tools: Tools,
): Promise<TidyOutcome | undefined> {
  try {
    const outcome = await done.lock.surely(takeAway);
    const { failure, putAway, leftovers, aside } = outcome;
    if (aside !== undefined) await tellOfAside(done, aside, tools);
    if (failure === undefined) return outcome;
    if (putAway) await cannotRemove(done, failure, leftovers, tools);
    else leave(done, failure, tools);
    return outcome;
  } catch (error) {
    leave(done, messageOf(error), tools);
    return undefined;
  }
}

async function tellOfAside({ lock }: Done, aside: string, { log }: Tools): Promise<void> {
  const { name } = lock.volume;
  log.warn(`${asideText(name, aside)}. ${asideAdvice(name)}`);
  try {
    await recordAside(lock, aside);
  } catch (error) {
    log.warn(`\`doctor\` will not report it: ${messageOf(error)}`);
  }
}

async function cannotRemove(
  { lock, what }: Done,
  cause: string,
  leftovers: readonly Leftover[],
  { log }: Tools,
): Promise<void> {
  await recordLeftovers(lock, leftovers);
  const folders = leftovers.map(({ folder }) => folder).join(" and ");
  const hints = leftovers.map((leftover) => leftoverHint(lock.volume, leftover));
  log.warn(
    `cannot remove ${what} from the volume's folder ${folders}: ${[cause, ...hints].join(". ")}`,
    { code: "recover", volume: lock.volume.name, when: "after" },
  );
}

/** The engine is to know that the operation has not come to its end. */
function leave({ lock, id, what }: Done, cause: string, { log }: Tools): void {
  lock.abandon();
  const { name } = lock.volume;
  log.warn(
    `cannot put away ${what}, which is in the volume's folder ${stagingFolder(id)}: ${cause}`,
    { code: "recover", volume: name, when: "first" },
  );
}
