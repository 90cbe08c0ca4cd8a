import { DockformError } from "../errors.ts";
import type { Aspect, LostGroup, MessageGroup } from "../helper/message-groups.ts";
import type { Sample } from "../helper/outcomes.ts";
import type { VolumeVerbs } from "../helper/verbs.ts";
import type { ArchiveHoldings } from "../snapshot/sidecar.ts";
import { ArchivePass } from "../archive/pass.ts";
import type { LockedVolume } from "../lock/lock.ts";
import type { ArchiveSource } from "../archive/source.ts";
import type { Tools } from "../tools.ts";
import type { ExpectedContents } from "./expected.ts";
import type { DoesWithout } from "./without.ts";

/** Something that a file system cannot hold. */
interface Limit {
  readonly aspect: Aspect;
  /** The same, finer: `aspect` covers several. */
  readonly kind:
    | "owners"
    | "modes"
    | "attributes"
    | "acls"
    | "times"
    | "devices"
    | "fifos"
    | "symlinks"
    | "hard_links";
  /** For a person, with the reason. */
  readonly text: string;
  /** Whether tar says nothing of it when it extracts. */
  readonly isSilent: boolean;
}

/** What a restore has to know of its target. */
export interface TargetLimits {
  /** tar must not try to set ACLs: there can be none. */
  readonly hasNoAcls: boolean;
  /** What will be left out without a word of tar's. */
  readonly silentlyLeftOut: readonly LostGroup[];
}

/** Who may own something anywhere: one that is not the helper itself. */
const SOMEBODY = ["0:0", "1:1"];
/** What the little archive of samples.pl holds. */
const SAMPLE = { mode: "rwxr----x", date: "2001-02-03", time: "04:05:06" };

/**
 * Tries with little files of our own what the file system under a volume can hold, in the operation's folder there.
 *
 * @throws DockformError `refused` when the archive needs something else, and may not be restored without it.
 */
export async function findLimits(
  { verbs, volume }: LockedVolume,
  stagingId: string,
  archive: ArchiveSource,
  { holds, entries }: Pick<ExpectedContents, "holds" | "entries">,
  { without }: DoesWithout,
  tools: Tools,
): Promise<TargetLimits> {
  const trySome = (owners: readonly string[]): Promise<readonly Limit[]> =>
    trySamples(verbs, stagingId, owners, tools);
  let limits = await trySome(holds?.owners ?? SOMEBODY);
  if (limits.length === 0) return { hasNoAcls: false, silentlyLeftOut: [] };
  if (holds === undefined || entries === undefined) {
    ({ holds, entries } = await holdingsOf(archive, tools));
    limits = await trySome(holds.owners);
  }
  const count = entries;
  const needed = neededOf(limits, holds);
  const refused = needed.filter(({ aspect }) => !without.has(aspect));
  if (refused.length > 0) throw cannotHold(volume.name, archive, refused, without);
  // Nor does tar say anything of ACLs that it is told not to set.
  const silent = needed.filter(({ isSilent, kind }) => isSilent || kind === "acls");
  return {
    hasNoAcls: limits.some(({ kind }) => kind === "acls"),
    silentlyLeftOut: silent.map(({ aspect, kind, text }) => {
      const attribute = kind === "acls" ? "ACL" : undefined;
      return { aspect, what: text, count, files: [], attribute };
    }),
  };
}

/** @throws DockformError `refused` when contents that are about to be removed could not be put back here. */
export async function refuseUnholdable(
  { verbs, stagingId, volume }: LockedVolume,
  holds: ArchiveHoldings,
  tools: Tools,
): Promise<void> {
  const limits = neededOf(await trySamples(verbs, stagingId, holds.owners, tools), holds);
  if (limits.length === 0) return;
  throw new DockformError(
    "volume.not-restorable",
    `what volume "${volume.name}" holds could not be put back into it: ${textOf(limits)}`,
    {
      hint: "The old contents are in place. Make room for old and new contents at once instead.",
    },
  );
}

function cannotHold(
  volume: string,
  { path }: ArchiveSource,
  limits: readonly Limit[],
  without: ReadonlySet<Aspect>,
): DockformError {
  const aspects = new Set([...without, ...limits.map(({ aspect }) => aspect)]);
  return new DockformError(
    "volume.cannot-hold",
    `volume "${volume}" cannot hold all that is in ${path}: ${textOf(limits)}`,
    {
      hint: "Nothing was touched.",
      advice: [{ code: "restore-without", aspects: [...aspects] }],
      data: { missing: limits.map(({ kind }) => kind) },
    },
  );
}

function textOf(limits: readonly Limit[]): string {
  return limits.map(({ text }) => text).join("; ");
}

function neededOf(limits: readonly Limit[], holds: ArchiveHoldings): readonly Limit[] {
  return limits.filter(({ kind }) => {
    const held = kind === "modes" || kind === "times" ? 1 : holds[kind];
    return typeof held === "number" ? held > 0 : true;
  });
}

async function trySamples(
  verbs: VolumeVerbs,
  stagingId: string,
  owners: readonly string[],
  { signal }: Tools,
): Promise<readonly Limit[]> {
  const tried = await verbs.trySamples(stagingId, owners, signal);
  if (tried.failure !== undefined) {
    throw new DockformError("volume.unwritable", `cannot write to the volume: ${tried.failure}`, {
      hint: "The contents are as they were. Check the file system under the volume.",
    });
  }
  const { samples } = tried;
  const others = otherOwners(samples, owners);
  const said = tried.said.flatMap((group) => saidLimit(group, others) ?? []);
  const silent = silentLimits(samples, others).filter(
    ({ aspect, kind }) => !said.some((limit) => limit.aspect === aspect && limit.kind === kind),
  );
  // Where no time is right, those of links are not worth a word of their own.
  const all = [...said, ...silent];
  const isWhole = (aspect: Aspect): boolean => all.some(({ kind }) => kind === aspect);
  return all.filter(({ aspect, kind }) => kind !== "symlinks" || !isWhole(aspect));
}

/** What tar says of a little file that it could not make as it is in the archive. */
function saidLimit(
  { aspect, attribute, what, files }: MessageGroup,
  others: readonly string[],
): Limit | undefined {
  if (aspect === undefined) return undefined;
  const reason = what.slice(what.lastIndexOf(": ") + 2);
  const limit = (kind: Limit["kind"], title: string): Limit => {
    return { aspect, kind, text: `${title} (${reason})`, isSilent: false };
  };
  if (aspect !== "links" && files.every((file) => file === "symlink")) {
    return limit("symlinks", `${aspect} of symbolic links`);
  }
  switch (aspect) {
    case "owners":
      return limit("owners", `owner ${others.length === 0 ? "0:0" : others.join(", ")}`);
    case "attributes":
      return attribute === "ACL" ? limit("acls", "ACLs") : limit("attributes", "attributes");
    case "devices":
      return what.includes("mkfifo") ? limit("fifos", "FIFOs") : limit("devices", "device nodes");
    case "links":
      return what.includes("hard")
        ? limit("hard_links", "hard links")
        : limit("symlinks", "symbolic links");
    case "modes":
    case "times":
      return limit(aspect, aspect);
  }
}

function isTimeRight({ date, time }: Sample): boolean {
  return date === SAMPLE.date && time.startsWith(SAMPLE.time);
}

type Samples = ReadonlyMap<string, Sample>;

/** Owners that did not become what they should. */
function otherOwners(samples: Samples, owners: readonly string[]): readonly string[] {
  return owners.filter((owner, i) => (samples.get(`owner-${i}`)?.owner ?? owner) !== owner);
}

/** What came out otherwise without a word. */
function silentLimits(samples: Samples, others: readonly string[]): readonly Limit[] {
  const isOther = (name: string, isRight: (found: Sample) => boolean): boolean => {
    const found = samples.get(name);
    return found !== undefined && !isRight(found);
  };
  const now = "they come out as the moment of extraction";
  const candidates = [
    [
      isOther("mode", ({ mode }) => mode.slice(1, 10) === SAMPLE.mode),
      "modes",
      "modes",
      "modes (they come out different)",
    ],
    [others.length > 0, "owners", "owners", `owner ${others.join(", ")} (comes out different)`],
    [isOther("mode", isTimeRight), "times", "times", `times (${now})`],
    [isOther("symlink", isTimeRight), "times", "symlinks", `times of symbolic links (${now})`],
    [
      isOther("attributes", ({ mode }) => mode.endsWith("*")),
      "attributes",
      "attributes",
      "attributes (they are lost)",
    ],
    [
      isOther("acl", ({ mode }) => mode.endsWith("+")),
      "attributes",
      "acls",
      "ACLs (they are lost)",
    ],
  ] as const;
  return candidates
    .filter(([isThere]) => isThere)
    .map(([, aspect, kind, text]) => ({ aspect, kind, text, isSilent: true }));
}

/** Reads an archive to its end: what it holds, where its sidecar does not say. */
async function holdingsOf(
  archive: ArchiveSource,
  tools: Tools,
): Promise<{ readonly holds: ArchiveHoldings; readonly entries: number }> {
  using pass = new ArchivePass(archive, "Reading", tools);
  const counts = { attributes: 0, acls: 0, devices: 0, fifos: 0, symlinks: 0, hard_links: 0 };
  const owners = new Set<string>();
  for await (const { type, uid, gid, xattrs, acl } of pass.reader.entries()) {
    if (owners.size < OWNERS_TRIED) owners.add(`${uid}:${gid}`);
    if (type === "char" || type === "block") counts.devices += 1;
    else if (type === "fifo") counts.fifos += 1;
    else if (type === "symlink") counts.symlinks += 1;
    else if (type === "hardlink") counts.hard_links += 1;
    if (xattrs.size > 0) counts.attributes += 1;
    if (acl.access !== "" || acl.default !== "") counts.acls += 1;
  }
  return { holds: { owners: [...owners], ...counts }, entries: pass.reader.listedEntries };
}

const OWNERS_TRIED = 32;
