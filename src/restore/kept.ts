import { formatTime } from "../format.ts";
import * as v from "valibot";
import { listContainers } from "../engine/containers.ts";
import type { EngineVolume } from "../engine/volumes.ts";
import { DockformError } from "../errors.ts";
import type { KeptFound } from "../helper/outcomes.ts";
import { readJournal, type FoundRecord } from "../journal/operation.ts";
import type { LockedVolume } from "../lock/lock.ts";
import { isInVolume, type Looking } from "../lock/look.ts";
import { KEPT_FOLDER } from "../snapshot/reserved.ts";
import type { Tools } from "../tools.ts";

const AboutSchema = v.object({
  /** RFC 3339: when the contents were taken out of their place. */
  kept_at: v.string(),
  /** What took their place: an archive's path, or "what was kept before". */
  replaced_by: v.string(),
});

/** What is known of contents that `.dockform-kept` holds; it is stored with them. */
export type AboutKept = v.InferOutput<typeof AboutSchema>;

/** What the engine's record of kept contents says. */
export interface KeptContents extends AboutKept {
  /** On the disk. */
  readonly bytes: number;
}

/** Of contents that are taken out of their place now. */
export function aboutNow(replacedBy: string, { now }: Pick<Tools, "now">): AboutKept {
  return {
    kept_at: formatTime(now()),
    replaced_by: replacedBy,
  };
}

/** For the helper to store beside the contents. */
export function aboutText(about: AboutKept): string {
  return JSON.stringify(about);
}

/** Reads an {@link aboutText}; contents that say nothing of themselves are as good as others. */
export function parseAbout(text: string): AboutKept {
  try {
    return v.parse(AboutSchema, JSON.parse(text));
  } catch {
    return { kept_at: "an unknown time", replaced_by: "an unknown operation" };
  }
}

/**
 * A snapshot of a volume does not hold what it keeps, so the volume must not be removed for one.
 *
 * @param untouched a sentence: what was not removed.
 */
export function keepsContents(
  volume: string,
  { kept_at: keptAt }: AboutKept,
  untouched: string,
): DockformError {
  return new DockformError(
    "volume.keeps-contents",
    `volume "${volume}" keeps contents since ${keptAt}, which a snapshot of it does not hold`,
    {
      hint: untouched,
      advice: [{ code: "let-go-or-undo", volume }],
    },
  );
}

/** Has the engine say that a volume keeps something, in place of what it said before. */
export async function recordKept(lock: LockedVolume, kept: KeptContents): Promise<void> {
  await forgetKept(lock);
  await lock.record("kept-contents", JSON.stringify(kept));
}

/** The volume keeps nothing any more. */
export async function forgetKept(lock: LockedVolume): Promise<void> {
  const signal = AbortSignal.timeout(RECORD_TIMEOUT_MS);
  const containers = await listContainers(lock.target.engine, { signal });
  const { records } = readJournal(containers, lock.volume.name);
  for (const { containerId } of records.filter(isKept)) {
    await lock.removeContainer(containerId);
  }
}

const RECORD_TIMEOUT_MS = 30_000;

/** The volumes that keep something, of those that exist, by name. */
export async function findKept(
  looking: Looking,
  volumes: readonly EngineVolume[],
): Promise<ReadonlyMap<string, KeptContents>> {
  const names = new Set(volumes.map(({ name }) => name));
  const records = readJournal(looking.containers).records.filter(
    (record) => isKept(record) && names.has(record.volume),
  );
  const found = records.map(async (record) =>
    (await isInVolume(looking, record, KEPT_FOLDER))
      ? [[record.volume, parseKept(record.text)] as const]
      : [],
  );
  return new Map((await Promise.all(found)).flat());
}

function isKept({ name }: FoundRecord): boolean {
  return name === "kept-contents";
}

/** Our own writing. */
function parseKept(text: string): KeptContents {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return JSON.parse(text) as KeptContents;
}

/** What a volume keeps, looked up in the volume itself. */
export async function measureKept(lock: LockedVolume): Promise<KeptContents | undefined> {
  return keptContents(await lock.surely((verbs) => verbs.measureKept()));
}

export function keptContents(found: KeptFound | undefined): KeptContents | undefined {
  return found && { ...parseAbout(found.about), bytes: found.bytes };
}
