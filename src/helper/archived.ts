import { basename } from "node:path";
import { formatBytes, formatCount } from "../format.ts";
import type { ArchiveHoldings } from "../snapshot/sidecar.ts";
import { factsOf, type FactName } from "./protocol.ts";
import { groupText, type MessageGroup } from "./message-groups.ts";
import { endingOf, likelyCause, saidIn, totalIn } from "./messages.ts";
import type { HelperReply } from "./reply.ts";

/**
 * What a remark means to somebody who relies on the archive.
 *
 * - `changed`: files were written to while they were read; the archive holds them as they never were at one moment.
 * - `unrestorable`: it cannot be brought back from the archive as it was, or is not in it.
 * - `left out`: no archive can hold it, and nobody misses it: the program that listens on a socket makes it anew.
 * - `note`: nothing is missing.
 */
export type RemarkKind = "changed" | "unrestorable" | "left out" | "note";

export interface Remark {
  readonly kind: RemarkKind;
  readonly text: string;
}

/** What became of an archive that a helper made of a folder, read from its reply. */
export interface ArchivedOutcome {
  /** Length of the tar stream. */
  readonly tarBytes: number;
  /** Regular files, and further names, which symbolic links may have, too. */
  readonly files: number;
  readonly entries: number;
  /** What a target has to be able to hold. */
  readonly holds: ArchiveHoldings;
  /** How many entries have which attributes that not any helper can set. */
  readonly unusualAttributes: ReadonlyMap<string, number>;
  /** One of a kind, with a count and the first names. */
  readonly remarks: readonly Remark[];
  /** Why the archive does not hold what the folder holds; `undefined` when it does. */
  readonly failure: string | undefined;
}

/** What of the remarks says that the archive may not hold everything, or that not everything comes back from it. */
export function shortcomings(remarks: readonly Remark[]): readonly string[] {
  return remarks
    .filter(({ kind }) => kind === "changed" || kind === "unrestorable")
    .map(({ text }) => text);
}

/** All that tar may say of an archive that is good. Whatever else it says, whatever its exit status, is a failure. */
const HARMLESS: readonly { readonly kind: RemarkKind; readonly what: RegExp }[] = [
  {
    kind: "changed",
    what: /^(?:file changed as we read it|File removed before we read it|File shrank while it was read; .*)$/,
  },
  { kind: "left out", what: /^socket ignored$/ },
];

/** Status 1 of tar says that files changed while it read them: the archive is whole all the same. */
const TAR_FILES_CHANGED = "1";

export function archivedOutcome(reply: HelperReply): ArchivedOutcome {
  const number = (fact: FactName): number => Number(reply.facts.get(fact) ?? Number.NaN);
  const said = saidIn(reply);
  return {
    tarBytes: Number(totalIn(reply) ?? 0),
    files: number("files"),
    entries: number("entries"),
    holds: holdingsIn(reply),
    unusualAttributes: attributesIn(reply),
    remarks: [
      ...said.map((group) => ({ kind: kindOf(group) ?? "note", text: groupText(group) })),
      ...tooLong(reply),
      ...mounted(reply),
      ...setAside(reply),
      ...filled(reply),
      ...unknownAttributes(reply),
    ],
    failure: failureOf(reply, said),
  };
}

function kindOf({ what, files }: MessageGroup): RemarkKind | undefined {
  // What tar says of no file in particular is nothing that is known here.
  return files.length === 0 ? undefined : HARMLESS.find((each) => each.what.test(what))?.kind;
}

function failureOf(reply: HelperReply, said: readonly MessageGroup[]): string | undefined {
  const unknown = said.filter((group) => kindOf(group) === undefined);
  const cause = likelyCause(unknown);
  if (cause !== undefined) return cause;
  const { facts, status } = reply;
  const tarStatus = facts.get("tar_status");
  const changed = said.some((group) => kindOf(group) === "changed");
  const tarWorked = tarStatus === "0" || (tarStatus === TAR_FILES_CHANGED && changed);
  if (status !== 0 || !tarWorked) return endingOf(reply);
  if (facts.get("zstd_status") !== "0") return `zstd ended with status ${facts.get("zstd_status")}`;
  if (totalIn(reply) === undefined) return "tar did not say how much it read";
  if (!facts.has("entries")) return "what tar read was not counted";
  if (!facts.has("listened")) return "not all of what tar said was read";
  const looked = facts.get("looked_status") ?? "0";
  return looked === "0" ? undefined : `the look for holes ended with status ${looked}`;
}

function tooLong({ facts }: HelperReply): readonly Remark[] {
  const count = Number(facts.get("too_long") ?? 0);
  if (count === 0) return [];
  const text = `${count} paths are longer than 4,095 bytes: they are in the archive, but tar cannot extract them`;
  return [{ kind: "unrestorable", text }];
}

function mounted({ facts }: HelperReply): readonly Remark[] {
  const place = facts.get("mounted");
  if (!place) return [];
  const text = `${place} is the mount point of another file system; it is in the archive, too`;
  return [{ kind: "unrestorable", text }];
}

/** What a restore once put out of its way; whose it is nobody knows. */
function setAside({ facts }: HelperReply): readonly Remark[] {
  const folder = facts.get("set_aside");
  if (!folder) return [];
  const text = `${basename(folder)} holds files that were set aside; they are not in the archive: move them to their place, or remove the folder`;
  return [{ kind: "unrestorable", text }];
}

function unknownAttributes({ facts }: HelperReply): readonly Remark[] {
  const why = facts.get("attributes_unknown");
  if (why === undefined) return [];
  const text = `cannot tell which attributes files have, so some may not be restored: ${why}`;
  return [{ kind: "unrestorable", text }];
}

/** `filled <files> <bytes> <first file>`: see holes.pl. */
function filled({ facts }: HelperReply): readonly Remark[] {
  const [, files, bytes, first] = /^(\d+) (\d+) (.*)$/s.exec(facts.get("filled") ?? "") ?? [];
  if (files === undefined) return [];
  const others = Number(files) - 1;
  const names = others === 0 ? first : `${first} and ${formatCount(others, "other")}`;
  const text = `${names}: holes are stored as zeros, ${formatBytes(Number(bytes))}, since the file system leaves out the blocks of other files`;
  return [{ kind: "note", text }];
}

function holdingsIn({ facts }: HelperReply): ArchiveHoldings {
  const owners = facts.get("owners") ?? "";
  const number = (fact: FactName): number => Number(facts.get(fact));
  return {
    owners: [...new Set(owners.split(",").filter((each) => each !== ""))].map((each) =>
      each.replace("/", ":"),
    ),
    attributes: number("attributes"),
    acls: number("acls"),
    devices: number("devices"),
    fifos: number("fifos"),
    symlinks: number("symlinks"),
    hard_links: number("hard_links"),
  };
}

/** What a helper said of attributes by name. */
export function attributesIn({ facts }: HelperReply): ReadonlyMap<string, number> {
  return new Map(factsOf(facts, "attribute").map(([name, count]) => [name, Number(count)]));
}
