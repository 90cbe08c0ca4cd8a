import { setTimeout as sleep } from "node:timers/promises";
import type { FingerprintReply, VolumeVerbs } from "../helper/verbs.ts";
import { TELLING_FILE_SYSTEMS } from "../helper/protocol.ts";
import {
  FINGERPRINT_ALGORITHM,
  MetadataDigest,
  type ChangedEntries,
} from "../snapshot/metadata-digest.ts";
import type { Sidecar } from "../snapshot/sidecar.ts";
import type { Tools } from "../tools.ts";

/** A fingerprint as sidecars have it, with what changed since another one; or why there is none to be relied on. */
export type Fingerprint =
  | {
      readonly value: SidecarFingerprint;
      readonly changed: ChangedEntries;
      readonly unreliable?: undefined;
    }
  | { readonly value?: undefined; readonly unreliable: string };

export type SidecarFingerprint = NonNullable<Sidecar["fingerprint"]>;

export interface FingerprintRequest {
  /** An earlier one, to tell what changed since. */
  readonly since: SidecarFingerprint | undefined;
  /** Whether to wait some seconds where something changed a moment ago. */
  readonly mayWait: boolean;
}

/** The coarsest times of these file systems, and more: a change within it may leave the time as it is. */
const TIME_STEP_SECONDS = 2;
const SECOND_MS = 1000;

/**
 * A volume's fingerprint: it is another one after any change, content included, for it is made of every
 * entry's metadata with its ctime, which no program can set. To be taken before the data is read; then what
 * changes afterwards, or meanwhile, makes the next fingerprint differ. docs/format.md, "Fingerprint".
 */
export async function takeFingerprint(
  verbs: VolumeVerbs,
  { since, mayWait }: FingerprintRequest,
  tools: Tools,
): Promise<Fingerprint> {
  const first = await walk(verbs, since, tools);
  if (!first.justChanged || !mayWait) return first.fingerprint;
  // An entry that changed a moment ago could change again within one step of its clock.
  await sleep((TIME_STEP_SECONDS + 1) * SECOND_MS, undefined, { signal: tools.signal });
  return (await walk(verbs, since, tools)).fingerprint;
}

interface Walked {
  readonly fingerprint: Fingerprint;
  /** Whether what stands in the way is gone in a moment, if nothing else changes. */
  readonly justChanged: boolean;
}

async function walk(
  verbs: VolumeVerbs,
  since: SidecarFingerprint | undefined,
  { startProgress, signal }: Tools,
): Promise<Walked> {
  const digest = new MetadataDigest(since?.newest_change);
  const progress = startProgress("Looking for changes");
  const reading = {
    see: (bytes: Uint8Array) => progress.advance(bytes.length),
    take: async (bytes: Uint8Array) => digest.update(bytes),
  };
  try {
    const reply = await verbs.fingerprint(reading, { signal });
    const problem = problemOf(reply, digest);
    if (problem !== undefined) {
      return { fingerprint: { unreliable: problem }, justChanged: false };
    }
    const agoSeconds = reply.beganSeconds - digest.newestChangeSeconds;
    if (agoSeconds > TIME_STEP_SECONDS) {
      const { changed } = digest;
      return { fingerprint: { value: recorded(digest, reply), changed }, justChanged: false };
    }
    const unreliable = "files in it are being changed";
    return { fingerprint: { unreliable }, justChanged: agoSeconds > -TIME_STEP_SECONDS };
  } finally {
    progress.end();
  }
}

function recorded(digest: MetadataDigest, { boot }: FingerprintReply): SidecarFingerprint {
  return {
    algo: FINGERPRINT_ALGORITHM,
    value: digest.value(boot),
    boot,
    entries: digest.records,
    newest_change: digest.newestChangeSeconds,
  };
}

function problemOf(
  { metUnfinished, fileSystem, isRead, lastMessage }: FingerprintReply,
  digest: MetadataDigest,
): string | undefined {
  if (metUnfinished) return "an operation on the volume was interrupted";
  if (!TELLING_FILE_SYSTEMS.includes(fileSystem)) {
    return `a volume on ${fileSystem} may change without a trace in its metadata`;
  }
  if (!isRead || digest.incomplete) {
    return `the helper's find could not read it (${lastMessage ?? "no message"})`;
  }
  return digest.devices > 1 ? "other file systems are mounted inside the volume" : undefined;
}
