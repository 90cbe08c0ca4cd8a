import { messageOf } from "../errors.ts";
import { causeIn, type HelperReply } from "../helper/reply.ts";
import type { HelperVerb } from "../helper/agent.ts";
import { asideAdvice, asideText, recordAside } from "../lock/aside.ts";
import { leftoverAdvice, leftoversIn, recordLeftovers } from "../lock/leftover.ts";
import type { LockedVolume } from "../lock/lock.ts";
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
  verb: HelperVerb,
  tools: Tools,
): Promise<HelperReply | undefined> {
  try {
    const reply = await done.lock.callSurely(verb);
    await tellOfAside(done, reply, tools);
    if (reply.status === 0) return reply;
    if (reply.facts.has("put_away")) await cannotRemove(done, reply, tools);
    else leave(done, causeIn(reply), tools);
    return reply;
  } catch (error) {
    leave(done, messageOf(error), tools);
    return undefined;
  }
}

async function tellOfAside({ lock }: Done, { facts }: HelperReply, { log }: Tools): Promise<void> {
  const aside = facts.get("aside");
  if (aside === undefined) return;
  const { name } = lock.volume;
  log.warn(`${asideText(name, aside)}. ${asideAdvice(name)}`);
  try {
    await recordAside(lock, aside);
  } catch (error) {
    log.warn(`\`doctor\` will not tell of it: ${messageOf(error)}`);
  }
}

async function cannotRemove(
  { lock, id, what }: Done,
  reply: HelperReply,
  { log }: Tools,
): Promise<void> {
  const found = leftoversIn(reply);
  await recordLeftovers(lock, found);
  const advice = found.map((leftover) => leftoverAdvice(lock.volume, leftover));
  log.warn(
    `cannot remove ${what} from the volume's folder .dockform-trash-${id}: ${causeIn(reply)}. ${advice.join(" ")}`,
  );
}

/** The engine is to know that the operation has not come to its end. */
function leave({ lock, id, what }: Done, cause: string, { log }: Tools): void {
  lock.abandon();
  const { name } = lock.volume;
  log.warn(
    `cannot put away ${what}, which is in the volume's folder .dockform-${id}: ${cause}. Run \`dockform volume recover ${name}\` before anything else.`,
  );
}
