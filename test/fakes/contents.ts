/** What is in volumes, for the helper in memory: contents are tar streams, and every verb is a step from state to state. */
import { Readable } from "node:stream";
import { zstdCompressSync } from "node:zlib";
import { writeTar, type WrittenEntry } from "../../src/tar/write.ts";
import { countEntries, tarReply, unpacked } from "./tar-replies.ts";
import {
  hello,
  type FakeReply,
  type FakeScript,
  type FakeVerb,
  type FakeVerbCall,
} from "./helper.ts";

/** The sides of a staging folder, as src/helper/script/staging.sh has them. */
interface Staging {
  /** Extracted and found whole. */
  fresh: Buffer | undefined;
  /** Taken from what the volume keeps. */
  kept: Kept | undefined;
  /** What was in place before; removed in the end, or kept. */
  old: Buffer | undefined;
  /** Whether the way is back, or the old contents are in place again. */
  way: "forth" | "back" | "returned";
  /** Whether a swap was cut short, so that neither is in place. */
  isTorn: boolean;
  about: string | undefined;
  aboutBack: string | undefined;
  accepted: boolean;
  /** Where the only copy of the old contents is. */
  safety: string | undefined;
  safetyDone: string | undefined;
}

interface Kept {
  readonly contents: Buffer;
  readonly about: string;
}

/** One volume as the helper sees it. */
export class FakeDisk {
  contents: Buffer;
  kept: Kept | undefined;
  readonly stagings = new Map<string, Staging>();
  /** The staging folder of the helper that runs. */
  own: string | undefined;
  /** Whether that helper has concluded an operation with the new contents in place. */
  isConcluded = false;
  /** Facts that `inspect` and others give beside the usual ones. */
  facts: Readonly<Record<string, string>> = {};
  fileSystemType = "ef53";
  /** Paths that are there, for `look_at`. */
  readonly paths = new Map<string, "there" | "free" | "through">();

  constructor(contents: Buffer) {
    this.contents = contents;
  }

  /** Leaves a swap between old and new, as a helper does that dies in it. */
  tear(id: string): void {
    const staging = this.stagings.get(id);
    if (staging === undefined) return;
    staging.old = this.contents;
    staging.isTorn = true;
    this.contents = Buffer.alloc(0);
  }
}

/** The helper's script in memory. A test may have a verb fail, or do something before or after it. */
export class FakeContents implements FakeScript {
  readonly disks = new Map<string, FakeDisk>();
  /** What is done in place of a verb; what it returns counts, unless that is nothing. */
  readonly instead = new Map<
    string,
    (call: FakeVerbCall, real: FakeVerb) => ReturnType<FakeVerb>
  >();
  readonly asked: string[] = [];
  readonly verbs: Readonly<Record<string, FakeVerb>>;

  constructor() {
    const all = Object.entries(VERBS).map(([name, verb]) => {
      const real: FakeVerb = (call) => verb(this.disk(call.volume), call);
      const asked: FakeVerb = (call) => {
        this.asked.push(name);
        return (this.instead.get(name) ?? ((same: FakeVerbCall) => real(same)))(call, real);
      };
      return [name, asked] as const;
    });
    this.verbs = Object.fromEntries(all);
  }

  disk(volume: string): FakeDisk {
    const disk = this.disks.get(volume);
    if (disk === undefined) throw new Error(`nothing is known of volume ${volume}`);
    return disk;
  }

  /** Lets a verb fail, once, without having done anything. */
  failOnce(name: string, message: string): void {
    this.instead.set(name, () => {
      this.instead.delete(name);
      return { status: 1, messages: [message] };
    });
  }

  finish(volume: string): number {
    const disk = this.disk(volume);
    if (disk.own === undefined) return disk.isConcluded ? 4 : 0;
    return discard(disk, disk.own).status === 0 ? 0 : 3;
  }
}

type Step = (disk: FakeDisk, call: FakeVerbCall) => FakeReply | Promise<FakeReply>;

const DONE: FakeReply = { status: 0 };

function failed(message: string): FakeReply {
  return { status: 1, messages: [message] };
}

const VERBS: Readonly<Record<string, Step>> = {
  hello: (disk) => {
    // Another helper knows of no folder of its own.
    disk.own = undefined;
    disk.isConcluded = false;
    return hello();
  },
  inspect: async (disk) => ({ facts: await inspect(disk) }),
  lies_on: (disk) => ({ facts: { file_system_type: disk.fileSystemType, device: "42" } }),
  look_at: (disk, { args }) => ({
    facts: Object.fromEntries(args.map((path) => [`path_${path}`, disk.paths.get(path) ?? "free"])),
  }),
  probe: () => DONE,
  try_samples: () => DONE,
  begin: (disk, { args: [id = ""] }) => begin(disk, id),
  resume: (disk, { args: [id = ""] }) => {
    if (!disk.stagings.has(id)) return { status: 1 };
    disk.own = id;
    return DONE;
  },
  extract,
  scan: async (_, { args: [, compression = ""], input }) =>
    tarReply(unpacked(await input(), compression)),
  finish_extract: () => DONE,
  attributes: () => DONE,
  // What is in memory tells of no change.
  fingerprint: () => ({ facts: { file_system: "tmpfs" } }),
  archive: async (disk, call) => archive(disk, call),
  accept: (disk, { args: [id = "", returned] }) => {
    const staging = disk.stagings.get(id);
    if (staging === undefined) return { status: 1 };
    if (returned !== undefined) staging.way = "returned";
    staging.accepted = true;
    return DONE;
  },
  limit_to: () => DONE,
  take_kept: (disk, { args: [id = ""] }) => {
    if (disk.kept === undefined) return failed("nothing is kept");
    const begun = begin(disk, id);
    const staging = disk.stagings.get(id);
    if (staging !== undefined) staging.kept = disk.kept;
    disk.kept = undefined;
    return begun;
  },
  swap: (disk, { args: [id = "", about] }) => swap(disk, id, about),
  swap_back: (disk, { args: [id = "", about] }) => swapBack(disk, id, about),
  recover: (disk, { args: [id = ""] }) => recover(disk, id),
  keep: (disk, { args: [id = "", about] }) => {
    const staging = disk.stagings.get(id);
    if (staging === undefined || staging.way !== "forth" || disk.kept !== undefined) {
      return { status: 1 };
    }
    staging.about = about;
    return DONE;
  },
  clear: (disk, { args: [id = "", safety] }) => {
    const staging = disk.stagings.get(id);
    if (staging === undefined) return { status: 1 };
    staging.safety ??= safety;
    staging.safetyDone = undefined;
    staging.accepted = false;
    disk.contents = Buffer.alloc(0);
    return { facts: { cleared: "" } };
  },
  discard: (disk, { args: [id = ""] }) => discard(disk, id),
  conclude: (disk, { args: [id = ""] }) => conclude(disk, id),
  forget_kept: (disk, { args: [id = ""] }) => {
    disk.kept = undefined;
    return { facts: { put_away: id } };
  },
  measure_kept: (disk) => ({ facts: keptFacts(disk) }),
  empty_trash: () => DONE,
  put_aside: (disk, { args: [id = ""] }) => {
    disk.stagings.delete(id);
    disk.facts = { ...disk.facts, [`aside_${id}`]: `.dockform-aside-${id}/1/.dockform-${id}` };
    return DONE;
  },
};

async function inspect(disk: FakeDisk): Promise<Readonly<Record<string, string>>> {
  const entries = await countEntries(disk.contents);
  const unfinished = [...disk.stagings]
    .filter(([id]) => id !== disk.own)
    .map(([id, staging]) => [`unfinished_${id}`, sidesOf(staging)]);
  return {
    first_entry: entries > 1 ? "file" : "",
    space: "1000000 4096 100000 200000 2000000",
    mounted: "",
    ...Object.fromEntries(unfinished),
    ...(disk.kept === undefined ? {} : { kept: disk.kept.about }),
    ...disk.facts,
  };
}

function sidesOf({ fresh, kept, old, way, isTorn, safety }: Staging): string {
  const sides = [
    fresh === undefined ? "" : "new",
    kept === undefined ? "" : "kept",
    old === undefined ? "" : isTorn ? "old.partial" : "old",
    way === "forth" ? "" : way,
    safety === undefined ? "" : "safety",
  ];
  return sides.filter((side) => side !== "").join(" ");
}

function begin(disk: FakeDisk, id: string): FakeReply {
  if (disk.stagings.has(id)) return failed("File exists");
  disk.own = id;
  disk.stagings.set(id, {
    fresh: undefined,
    kept: undefined,
    old: undefined,
    way: "forth",
    isTorn: false,
    about: undefined,
    aboutBack: undefined,
    accepted: false,
    safety: undefined,
    safetyDone: undefined,
  });
  return DONE;
}

async function extract(
  disk: FakeDisk,
  { args: [id = "", , compression = ""], input }: FakeVerbCall,
): Promise<FakeReply> {
  const bytes = unpacked(await input(), compression);
  if (!disk.stagings.has(id)) begin(disk, id);
  disk.own = id;
  const reply = await tarReply(bytes);
  const staging = disk.stagings.get(id);
  if (staging !== undefined && reply.facts?.["tar_status"] === "0") staging.fresh = bytes;
  return reply;
}

async function archive(
  disk: FakeDisk,
  { args: [, level = "", id], output }: FakeVerbCall,
): Promise<FakeReply> {
  const bytes = (id === undefined ? undefined : disk.stagings.get(id)?.fresh) ?? disk.contents;
  output(level === "none" ? bytes : zstdCompressSync(bytes));
  const entries = String(await countEntries(bytes));
  const none = Object.fromEntries(
    ["too_long", "symlinks", "hard_links", "devices", "fifos", "attributes", "acls"].map((name) => [
      name,
      "0",
    ]),
  );
  const counted = { entries, files: "1", owners: "0/0", ...none };
  return {
    facts: { tar_status: "0", zstd_status: "0", listened: "", mounted: "", ...counted },
    messages: [`Total bytes written: ${bytes.length} (1KiB, 1MiB/s)`],
  };
}

/** Renames are one step here: what a death leaves between old and new a test has to make. */
function swap(disk: FakeDisk, id: string, about: string | undefined): FakeReply {
  const staging = disk.stagings.get(id);
  const incoming = staging?.fresh ?? staging?.kept?.contents;
  if (staging === undefined || incoming === undefined) return { status: 1 };
  staging.old = disk.contents;
  staging.about = about;
  putIn(disk, staging, incoming);
  return { facts: { swapped: "" } };
}

function putIn(disk: FakeDisk, staging: Staging, incoming: Buffer): void {
  disk.contents = incoming;
  staging.fresh = undefined;
  staging.kept = undefined;
  staging.isTorn = false;
}

function swapBack(disk: FakeDisk, id: string, about: string | undefined): FakeReply {
  const staging = disk.stagings.get(id);
  if (staging?.old === undefined || staging.safetyDone !== undefined) return { status: 1 };
  if (staging.way === "forth") {
    const back = staging.old;
    staging.old = disk.contents;
    staging.way = "returned";
    staging.aboutBack = about;
    disk.contents = back;
  }
  return { facts: { returned: "", swapped: "" } };
}

function recover(disk: FakeDisk, id: string): FakeReply {
  const staging = disk.stagings.get(id);
  if (staging === undefined) return { facts: { swapped_back: "" } };
  disk.own = id;
  if (staging.safety !== undefined) return refill(disk, staging, staging.safety);
  const safety = staging.safetyDone === undefined ? {} : { safety: staging.safetyDone };
  if (staging.way !== "forth") return { facts: { returned: "", swapped: "", ...safety } };
  if (staging.safetyDone !== undefined) return { facts: { swapped: "", ...safety } };
  if (staging.old === undefined) return { facts: { swapped_back: "" } };
  if (!staging.isTorn) return { facts: { swapped: "" } };
  disk.contents = staging.old;
  staging.old = undefined;
  staging.isTorn = false;
  return { facts: { swapped_back: "" } };
}

function refill(disk: FakeDisk, staging: Staging, safety: string): FakeReply {
  if (staging.fresh === undefined || !staging.accepted) return { facts: { needs_safety: safety } };
  putIn(disk, staging, staging.fresh);
  staging.old = Buffer.alloc(0);
  staging.safetyDone = safety;
  staging.safety = undefined;
  const returned = staging.way === "forth" ? {} : { returned: "" };
  return { facts: { swapped: "", safety, ...returned } };
}

function discard(disk: FakeDisk, id: string): FakeReply {
  const staging = disk.stagings.get(id);
  if (staging === undefined) return DONE;
  const { old, safety, safetyDone } = staging;
  if (old !== undefined || safety !== undefined || safetyDone !== undefined) return { status: 1 };
  disk.kept ??= staging.kept;
  return takeAway(disk, id);
}

function conclude(disk: FakeDisk, id: string): FakeReply {
  const staging = disk.stagings.get(id);
  if (staging === undefined) return DONE;
  const { fresh, kept, old, safety, way } = staging;
  if (fresh !== undefined || kept !== undefined || old === undefined || safety !== undefined) {
    return { status: 1 };
  }
  const about = way === "forth" ? staging.about : staging.aboutBack;
  if (about !== undefined) disk.kept = { contents: old, about };
  const facts = about === undefined ? {} : keptFacts(disk);
  disk.isConcluded = way !== "returned";
  return { facts: { ...takeAway(disk, id).facts, ...facts } };
}

function takeAway(disk: FakeDisk, id: string): FakeReply {
  disk.stagings.delete(id);
  disk.own = undefined;
  return { status: 0, facts: { put_away: "" } };
}

function keptFacts({ kept }: FakeDisk): Readonly<Record<string, string>> {
  return kept === undefined ? {} : { kept: kept.about, kept_kilobytes: "4" };
}

/** A root folder and one file in it, which says which contents these are; without a text the folder alone. */
export async function contentsOf(text: string): Promise<Buffer> {
  const root = entryOf("./", "folder", "");
  const entries = text === "" ? [root] : [root, entryOf("./file", "file", text)];
  return Buffer.concat(await Array.fromAsync(writeTar(Readable.from(entries))));
}

function entryOf(path: string, type: "file" | "folder", text: string): WrittenEntry {
  const bytes = Buffer.from(text);
  return {
    path,
    type,
    mode: type === "folder" ? 0o755 : 0o644,
    uid: 0,
    gid: 0,
    mtimeNs: 0n,
    sizeBytes: bytes.length,
    linkTarget: "",
    device: undefined,
    xattrs: new Map(),
    acl: { access: "", default: "" },
    extents: undefined,
    data: () => Readable.from([{ positionBytes: 0, bytes }]),
  };
}
