import * as v from "valibot";
import { SidecarSchema } from "../../snapshot/sidecar.ts";

// The parts that documents are made of. What each means is said beside it, and docs/json.md is made of that.

export const text = (meaning: string) => v.pipe(v.string(), v.description(meaning));

export const flag = (meaning: string) => v.pipe(v.boolean(), v.description(meaning));

/** RFC 3339, in UTC and whole seconds. */
export const time = (meaning: string) =>
  v.pipe(
    v.string(),
    v.isoTimestamp(),
    v.regex(/:\d\dZ$/, "is not in whole seconds of UTC"),
    v.description(meaning),
  );

/** A former name of a field, which programs may still read. */
export const deprecated = <Schema>(part: (meaning: string) => Schema, nowNamed: string): Schema =>
  part(`The same as \`${nowNamed}\`, under its former name.`);

/** A whole number from 0; its unit is in the field's name. */
export const count = (meaning: string) =>
  v.pipe(v.number(), v.integer(), v.minValue(0), v.description(meaning));

/** A whole number that may be below 0, as the age of something from the future. */
export const signed = (meaning: string) => v.pipe(v.number(), v.integer(), v.description(meaning));

/** Milliseconds; parts of them, too. */
export const duration = (meaning: string) =>
  v.pipe(v.number(), v.minValue(0), v.description(meaning));

/** One of a few words. */
export const word = <const Words extends readonly string[]>(words: Words, meaning: string) =>
  v.pipe(v.picklist(words), v.description(meaning));

export const list = <Item extends v.GenericSchema>(item: Item, meaning: string) =>
  v.pipe(v.array(item), v.description(meaning));

/** Fields that are all there, and no others. */
export const fields = <const Entries extends v.ObjectEntries>(entries: Entries) =>
  v.strictObject(entries);

/** The same, with what it is as a whole. */
export const group = <const Entries extends v.ObjectEntries>(entries: Entries, meaning: string) =>
  v.pipe(fields(entries), v.description(meaning));

/** Chosen names, each with a text. */
export const textMap = (meaning: string) =>
  v.pipe(v.record(v.string(), v.string()), v.description(meaning));

export const texts = (meaning: string) => list(v.string(), meaning);

const CONTEXT = "Docker context; `default` without one.";

/** Which volume it is about. */
export const volumeName = {
  context: text(CONTEXT),
  volume: text("The volume's name in that context."),
};

export const archivePath = text("The snapshot's data file.");

export const sidecar = v.pipe(
  SidecarSchema,
  v.description("All that is recorded of the snapshot: docs/format.md, Sidecar."),
);

/** How a container came through an operation. */
export const container = fields({
  name: text("The container's name."),
  outcome: word(["started", "failed", "gone"], "`failed` where it did not start again."),
  problem: v.nullable(text("Why it does not run.")),
  downtime_ms: duration("From when it was asked to stop until it ran again."),
  stopping_ms: duration("Of that, until it had stopped."),
  swapping_ms: duration("Of that, until its start was asked for."),
  starting_ms: duration("Of that, until it ran."),
});

/** Contents that a volume keeps beside its own. */
export const kept = {
  kept_at: text("Since when; a time, where it is known."),
  replaced_by: text("What took their place: an archive's path, or words."),
};
