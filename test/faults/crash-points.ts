/**
 * The helper's script, cut short before each of its steps: every state that a death, or a loss of power, can
 * leave in a volume, and that a recovery has to bring to an end. The script runs here, without an engine, which
 * is what makes all of them affordable.
 */
import assert from "node:assert/strict";
import { spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { chmod, chown, mkdir, mkdtemp, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { helperScript } from "../../src/helper/script.ts";
import { FileSystem, SMALLEST_BYTES, type DiskType } from "../e2e/file-system.ts";
import { FolderFileSystem } from "../e2e/folder-file-systems.ts";
import { run } from "../oracle/host.ts";

const MARK = "=mark=";
const ID = "0123456789ab";
const ABOUT = "about";
/** Where the only copy of the old contents is. */
const SAFETY = "host:/a/path/of/a/snapshot";
/** One that both contents have, at the top and below, and one that the old ones do not have. */
const PATHS: readonly string[] = ["file", "folder/inside", "only-new"];
/** As the protocol has them. */
const PATH_WORDS = PATHS.map((path) => path.replaceAll("/", "\\0057"));
/** More than any archive here has. */
const RECORDS = "1000";

/** In place of each program that changes anything: counts, and ends everything before the chosen step. */
const SHIM = `#!/bin/sh
PATH=/usr/sbin:/usr/bin:/sbin:/bin
step() {
	printf x >>"$STEPS"
	IFS= read -r steps <"$STEPS"
	[ "\${#steps}" = "$DIE_AT" ] || return 0
	if [ -n "$COMMIT" ]; then echo >>"$COMMIT" && sync "$COMMIT"; fi
	kill -9 0
}
program=\${0##*/}
# A program of perl takes many steps: each call that changes anything is one.
if [ $program = perl ]; then exec perl -e "$PERL_STEPS" "$@"; fi
if [ "$program $1" = "rm -rf" ] && [ -d "$2/old" ]; then
	# Half of a tree may be gone.
	step
	rm -rf "$2/old"
fi
step
exec $program "$@"
`;
/** The same for the calls of a program of perl. */
const PERL_STEPS = `
BEGIN {
	my $step = sub {
		open(my $steps, ">>", $ENV{STEPS}) or die;
		syswrite $steps, "x";
		return if -s $steps != $ENV{DIE_AT};
		if ($ENV{COMMIT} ne "") { system "echo >>$ENV{COMMIT} && sync $ENV{COMMIT}" }
		kill "KILL", 0;
		sleep 60;
	};
	*CORE::GLOBAL::syscall = sub { $step->(); CORE::syscall($_[0], $_[1], $_[2], $_[3], $_[4], $_[5]) };
	*CORE::GLOBAL::rename = sub { $step->(); CORE::rename($_[0], $_[1]) };
	*CORE::GLOBAL::mkdir = sub { $step->(); CORE::mkdir($_[0], $_[1]) };
	*CORE::GLOBAL::rmdir = sub { $step->(); CORE::rmdir($_[0]) };
	*CORE::GLOBAL::unlink = sub { $step->(); CORE::unlink($_[0]) };
}
`;
const SHIMMED = ["perl", "mkdir", "rmdir", "rm", "touch", "tar", "setfacl", "setfattr", "sync"];

type Name = "old" | "new" | "kept" | "patched";

let place: string;
let script: string;
/** What each of the contents looks like when it is a volume. */
const looks = new Map<Name, string>();

/** Makes what all stories need; answers how to take it away. */
export async function setTheStage(): Promise<() => Promise<void>> {
  place = await mkdtemp(join(tmpdir(), "dockform-steps-"));
  const shims = join(place, "bin");
  await mkdir(shims);
  for (const program of SHIMMED) await writeFile(join(shims, program), SHIM, { mode: 0o755 });
  script = join(place, "helper.sh");
  const source = helperScript();
  const here = source
    .replace("\nvolume=/volume\n", "\nvolume=$VOLUME\n")
    .replace("\nscratch=/scratch\n", "\nscratch=$PLACE/scratch\n");
  assert.notEqual(here, source);
  await writeFile(script, here);
  for (const [i, name] of (["old", "new", "kept"] as const).entries()) {
    const folder = join(place, name);
    await makeContents(folder, name, i);
    const options = ["--format=posix", "--xattrs", "--acls"];
    await run("tar", [...options, "-cf", `${folder}.tar`, "-C", folder, "."]);
    looks.set(name, look(folder));
  }
  await makePatched();
  await prepare();
  return () => rm(place, { recursive: true });
}

async function makeContents(folder: string, name: Name, i: number): Promise<void> {
  await mkdir(join(folder, "folder"), { recursive: true });
  await writeFile(join(folder, "folder", "inside"), name);
  await writeFile(join(folder, "file"), name);
  await writeFile(join(folder, `only-${name}`), name);
  await chown(folder, 100 + i, 200 + i);
  await chmod(folder, 0o700 + i);
  await run("setfattr", ["-n", "user.name", "-v", name, folder]);
  await utimes(folder, 1000 + i, 1000 + i);
}

/** A tree as text: everything but the times, and the root's attributes. */
function look(folder: string): string {
  const lines: string[] = [];
  const walk = (path: string): void => {
    const full = join(folder, path);
    const { mode, uid, gid } = lstatSync(full);
    const kind = (mode & 0o170000) >> 12;
    const content = kind === 8 ? readFileSync(full, "utf8") : kind === 10 ? readlinkSync(full) : "";
    lines.push(`${path} ${(mode & 0o177777).toString(8)} ${uid}:${gid} ${content}`);
    if (kind !== 4) return;
    for (const name of readdirSync(full).toSorted()) {
      if (path !== "." || !name.startsWith(".dockform-")) walk(join(path, name));
    }
  };
  walk(".");
  return lines.join("\n");
}

interface Said {
  /** `undefined` when the helper has died. */
  readonly status: number | undefined;
  readonly facts: ReadonlyMap<string, string>;
  readonly messages: string;
}

const DEATH: Said = { status: undefined, facts: new Map(), messages: "" };

/**
 * What a death takes along. `process`: nothing that was written. `power`: what was not flushed. `power after
 * commit`: the contents of files that were not flushed, while every name is as it was; a journal commits names
 * at any moment, and contents later.
 */
const DEATHS = ["process", "power", "power after commit"] as const;
type Death = (typeof DEATHS)[number];

/** On what the power can be cut; a folder is on ext4 then. */
const DISKS: Readonly<Partial<Record<Ground, DiskType>>> = { xfs: "xfs", btrfs: "btrfs" };

/**
 * What the volume lies on, where that is no disk of its own that can lose power. On an overlay or a union most is as
 * on a disk. Where the old contents are in the lower folder of the one, or on both branches of the other, not
 * all of them can be renamed, and are removed in place.
 */
const GROUNDS = {
  folder: undefined,
  xfs: undefined,
  btrfs: undefined,
  overlay: () => FolderFileSystem.overlay(),
  mergerfs: () =>
    FolderFileSystem.mergerfs({
      fillBranches: async (...branches) => {
        for (const branch of branches) await mkdir(join(branch, "volume"));
      },
    }),
  "overlay, from below": (from: string) =>
    FolderFileSystem.overlay({
      fillLower: async (lower) => {
        await run("cp", ["-a", from, join(lower, "volume")]);
      },
    }),
  "mergerfs, on both": (from: string) =>
    FolderFileSystem.mergerfs({
      fillBranches: async (one, other) => {
        await run("cp", ["-a", from, join(one, "volume")]);
        await run("cp", ["-a", from, join(other, "volume")]);
        await rm(join(one, "volume", "file"));
        await rm(join(other, "volume", "only-old"));
      },
    }),
} as const;
type Ground = keyof typeof GROUNDS;

/** A volume with the helpers that one after the other work on it. */
class Workplace implements AsyncDisposable {
  readonly folder: string;
  /** Where the volume lies, when it can lose what was not flushed. */
  readonly #disk: FileSystem | undefined;
  readonly #ground: FolderFileSystem | undefined;
  #child: ChildProcessByStdio<Writable, null, Readable> | undefined;
  #lines: AsyncIterator<string> | undefined;
  #isDead = false;

  private constructor(
    folder: string,
    disk: FileSystem | undefined,
    ground: FolderFileSystem | undefined,
  ) {
    this.folder = folder;
    this.#disk = disk;
    this.#ground = ground;
  }

  /** A volume as it was prepared under a name. */
  static async create(
    name: string,
    death: Death = "process",
    on: Ground = "folder",
  ): Promise<Workplace> {
    const from = join(place, name);
    const type = DISKS[on] ?? "ext4";
    const bytes = Math.max(SMALLEST_BYTES[type], 16 << 20);
    const disk =
      death === "process" ? undefined : await FileSystem.create({ type, bytes, journal: true });
    const ground = await GROUNDS[on]?.(from);
    const workplace = new Workplace(await mkdtemp(join(place, "workplace-")), disk, ground);
    if (!on.includes(",")) await run("cp", ["-aT", from, workplace.volume]);
    if (death === "power after commit") await writeFile(workplace.#commitFile, "");
    await run("sync", ["-f", workplace.volume]);
    return workplace;
  }

  get volume(): string {
    return join((this.#disk ?? this.#ground ?? this).folder, "volume");
  }

  /** Flushing it makes the journal commit. */
  get #commitFile(): string {
    return join(this.#disk?.folder ?? this.folder, "commit");
  }

  get isDead(): boolean {
    return this.#isDead;
  }

  /** The steps that the present helper has taken. */
  get steps(): number {
    return lstatSync(join(this.folder, "steps")).size;
  }

  /** Starts a helper that knows nothing; it dies before a step, together with all it has started. */
  async begin(dieAt = 0): Promise<void> {
    await this.end();
    await rm(join(this.folder, "scratch"), { recursive: true, force: true });
    await mkdir(join(this.folder, "scratch"));
    await writeFile(join(this.folder, "steps"), "");
    const child = spawn("sh", [script, "serve"], {
      // A group of its own, which is what the shim kills.
      detached: true,
      stdio: ["pipe", "ignore", "pipe"],
      env: {
        PATH: `${join(place, "bin")}:/usr/sbin:/usr/bin:/sbin:/bin`,
        PLACE: this.folder,
        VOLUME: this.volume,
        COMMIT: existsSync(this.#commitFile) ? this.#commitFile : "",
        STEPS: join(this.folder, "steps"),
        DIE_AT: String(dieAt),
        PERL_STEPS,
        DOCKFORM_MARK: MARK,
      },
    });
    child.stdin.on("error", () => {});
    this.#child = child;
    this.#lines = createInterface(child.stderr)[Symbol.asyncIterator]();
    this.#isDead = false;
  }

  /** Asks the helper for a verb, unless it is dead. */
  async call(...verb: readonly string[]): Promise<Said> {
    if (this.#isDead) return DEATH;
    this.#child?.stdin.write(`${verb.join(" ")}\n`);
    const facts = new Map<string, string>();
    const messages: string[] = [];
    for (;;) {
      const line = await this.#lines?.next();
      if (line === undefined || line.done === true) {
        this.#isDead = true;
        return DEATH;
      }
      const [, fact, value = ""] = /^=mark= (\S+) ?(.*)$/.exec(line.value) ?? [];
      if (fact === "end") return { status: Number(value), facts, messages: messages.join("; ") };
      if (fact === undefined) messages.push(line.value);
      else facts.set(fact, value);
    }
  }

  /** Ends the helper without giving it the time to notice. */
  async end(): Promise<void> {
    const child = this.#child;
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    process.kill(-child.pid, "SIGKILL");
    await ended;
  }

  /** After a death of everything, what was not flushed is gone. */
  async losePower(): Promise<void> {
    await this.end();
    await this.#disk?.losePower();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
    await this.#disk?.[Symbol.asyncDispose]();
    await this.#ground?.[Symbol.asyncDispose]();
    await rm(this.folder, { recursive: true });
  }

  /** What `volume recover` asks of a helper (src/restore/recover.ts); answers what went wrong. */
  async recover(): Promise<string> {
    const { facts } = await this.call("inspect");
    const problems: string[] = [];
    const must = async (...verb: readonly string[]): Promise<Said> => {
      const said = await this.call(...verb);
      if (said.status !== 0) problems.push(`${verb.join(" ")}: ${said.status} ${said.messages}`);
      return said;
    };
    for (const fact of facts.keys()) {
      const [, id] = /^unfinished_(.*)$/.exec(fact) ?? [];
      if (id === undefined) continue;
      let { facts: end } = await must("recover", id);
      const safety = end.get("needs_safety");
      if (safety !== undefined) {
        if (safety !== SAFETY) problems.push(`the only copy is said to be "${safety}"`);
        await must("extract", id, join(place, "old.tar"), "none", RECORDS);
        await must("accept", id, "returned");
        ({ facts: end } = await must("recover", id));
      }
      if (end.has("swapped_back")) await must("discard", id);
      else await must("conclude", id);
    }
    await must("empty_trash");
    return problems.join("; ");
  }

  /** What is in the volume, in words: `old`, `new, keeps old`. */
  summary(): string {
    const names = readdirSync(this.volume).filter((name) => name.startsWith(".dockform-"));
    const keeps = names.includes(".dockform-kept");
    const kept = keeps ? `, keeps ${this.#keptLook()}` : "";
    const left = names.filter((name) => name !== ".dockform-kept").map((name) => `, left ${name}`);
    return `${nameOf(look(this.volume))}${kept}${left.join("")}`;
  }

  #keptLook(): string {
    const kept = join(this.volume, ".dockform-kept");
    const [, ...entries] = look(join(kept, "contents")).split("\n");
    const [root = ""] = look(join(kept, "root")).split("\n");
    return nameOf([root, ...entries].join("\n"));
  }
}

function nameOf(looked: string): string {
  const found = [...looks].find(([, known]) => known === looked);
  return found?.[0] ?? `a mixture:\n${looked}`;
}

export interface Story {
  /** The volume to begin with; see {@link prepare}. */
  readonly from: "old" | "ready" | "keeping" | "keeping-ready";
  readonly verbs: readonly Verb[];
  /** What the volume may hold in the end, wherever it was cut short; the last when it was not. */
  readonly ends: readonly string[];
}

/** The old contents with some paths of the new ones. */
async function makePatched(): Promise<void> {
  const folder = join(place, "patched");
  await run("cp", ["-a", join(place, "old"), folder]);
  for (const path of PATHS) await run("cp", ["-a", join(place, "new", path), join(folder, path)]);
  looks.set("patched", look(folder));
}

/** Makes the volumes that stories begin with: `ready` has new contents extracted, `keeping` keeps something. */
async function prepare(): Promise<void> {
  const make = async (
    name: string,
    from: string,
    ...verbs: readonly (readonly string[])[]
  ): Promise<void> => {
    await using workplace = await Workplace.create(from);
    await workplace.begin();
    for (const verb of verbs) {
      const { status, messages } = await workplace.call(...verb);
      assert.equal(status, 0, `${verb.join(" ")}: ${messages}`);
    }
    await workplace.end();
    await run("cp", ["-a", workplace.volume, join(place, name)]);
  };
  const extract = (name: Name): readonly string[] => {
    return ["extract", ID, join(place, `${name}.tar`), "none", RECORDS];
  };
  await make("ready", "old", extract("new"));
  const keep = [
    ["swap", ID, ABOUT],
    ["swap_back", ID, ABOUT],
    ["conclude", ID],
  ];
  await make("keeping", "old", extract("kept"), ...keep);
  await make("keeping-ready", "keeping", extract("new"));
}

export const STORIES: Readonly<Record<string, Story>> = {
  "a restore that keeps in place of what was kept": {
    from: "keeping-ready",
    verbs: [
      ["swap", ID, ABOUT],
      ["conclude", ID],
    ],
    ends: ["old, keeps kept", "new, keeps old"],
  },
  "a restore beside what is kept": {
    from: "keeping-ready",
    verbs: [
      ["swap", ID],
      ["conclude", ID],
    ],
    ends: ["old, keeps kept", "new, keeps kept"],
  },
  "an undo": {
    from: "keeping",
    verbs: [
      ["take_kept", ID],
      ["swap", ID, ABOUT],
      ["conclude", ID],
    ],
    ends: ["old, keeps kept", "kept, keeps old"],
  },
  "a restore that goes back and keeps what failed": {
    from: "ready",
    verbs: [
      ["swap", ID],
      ["swap_back", ID, ABOUT],
      ["conclude", ID],
    ],
    ends: ["old", "new", "old, keeps new"],
  },
  "a restore that is given up": {
    from: "ready",
    verbs: [["discard", ID]],
    ends: ["old"],
  },
  "an extraction": {
    from: "old",
    verbs: [
      ["extract", ID, "new.tar", "none", RECORDS],
      ["discard", ID],
    ],
    ends: ["old"],
  },
  "an undo that is given up": {
    from: "keeping",
    verbs: [
      ["take_kept", ID],
      ["discard", ID],
    ],
    ends: ["old, keeps kept"],
  },
  "an undo that goes back": {
    from: "keeping",
    verbs: [
      ["take_kept", ID],
      ["swap", ID, ABOUT],
      ["swap_back", ID, ABOUT],
      ["conclude", ID],
    ],
    ends: ["kept, keeps old", "old, keeps kept"],
  },
  "a restore of some paths": {
    from: "ready",
    verbs: [
      ["limit_to", ID, ...PATH_WORDS],
      ["swap", ID],
      ["conclude", ID],
    ],
    ends: ["old", "patched"],
  },
  "a restore of some paths that goes back": {
    from: "ready",
    verbs: [
      ["limit_to", ID, ...PATH_WORDS],
      ["swap", ID],
      ["swap_back", ID],
      ["conclude", ID],
    ],
    ends: ["patched", "old"],
  },
  "a restore in place": {
    from: "old",
    verbs: [
      ["begin", ID],
      ["clear", ID, SAFETY],
      ["extract", ID, "new.tar", "none", RECORDS],
      ["accept", ID],
      ["recover", ID],
      ["conclude", ID],
    ],
    ends: ["old", "new"],
  },
  "a restore in place that goes back": {
    from: "old",
    verbs: [
      ["begin", ID],
      ["clear", ID, SAFETY],
      ["extract", ID, "new.tar", "none", RECORDS],
      ["accept", ID],
      ["recover", ID],
      ["clear", ID, SAFETY],
      ["extract", ID, "old.tar", "none", RECORDS],
      ["accept", ID, "returned"],
      ["recover", ID],
      ["conclude", ID],
    ],
    ends: ["new", "old"],
  },
  "what is kept, given up": {
    from: "keeping",
    verbs: [["forget_kept", ID]],
    ends: ["old, keeps kept", "old"],
  },
};

type Verb = readonly string[];

/** Plays a story up to where the helper dies; answers the verbs that were not finished. */
async function play(
  workplace: Workplace,
  verbs: readonly Verb[],
  dieAt: number,
): Promise<readonly Verb[]> {
  await workplace.begin(dieAt);
  for (const [i, verb] of verbs.entries()) {
    const args = verb.map((word) => (word.endsWith(".tar") ? join(place, word) : word));
    const { status, messages } = await workplace.call(...args);
    if (workplace.isDead) return verbs.slice(i);
    assert.equal(status, 0, `${verb.join(" ")}: ${messages}`);
  }
  return [];
}

/** What a client whose helper has died asks the next one for (src/restore/staging.ts). */
function instead([verb, ...others]: readonly Verb[]): readonly Verb[] {
  const [name, id = ""] = verb ?? [];
  switch (name) {
    case undefined:
      return [];
    case "begin":
    case "swap":
    case "extract":
    case "take_kept":
    case "forget_kept":
      // Whether it goes on depends on which way that went.
      return [["recover", id]];
    default:
      return [[name, ...(verb ?? []).slice(1)], ...others];
  }
}

/** Where a helper dies, and what comes next. */
export interface Deaths {
  readonly dieAt: number;
  /** The next one dies as well, before this step of its own; 0 for not at all. */
  readonly dieAgainAt: number;
  readonly death: Death;
  readonly on: Ground;
  /** Whether the next one is asked to go on by a client that is alive, or to recover by another. */
  readonly goesOn: boolean;
}

/** Dies, perhaps twice, and then recovers undisturbed. Answers what is wrong then. */
export async function die(story: Story, deaths: Deaths): Promise<string> {
  const { dieAt, dieAgainAt, death, on, goesOn } = deaths;
  await using workplace = await Workplace.create(story.from, death, on);
  const left = await play(workplace, story.verbs, dieAt);
  await workplace.losePower();
  if (goesOn) {
    await play(workplace, instead(left), dieAgainAt);
  } else if (dieAgainAt > 0) {
    await workplace.begin(dieAgainAt);
    await workplace.recover();
    await workplace.losePower();
  }
  await workplace.begin();
  const failure = await workplace.recover();
  const summary = workplace.summary();
  if (story.ends.includes(summary) && failure === "") return "";
  return `${JSON.stringify(deaths)}: ${summary} ${failure}`;
}

/**
 * Plays a story to its end, which must be the last of its ends.
 *
 * @returns how many steps it takes.
 */
export async function stepsOf(story: Story): Promise<number> {
  await using whole = await Workplace.create(story.from);
  await play(whole, story.verbs, 0);
  assert.equal(whole.summary(), story.ends.at(-1));
  return whole.steps;
}

type Way = Pick<Deaths, "death" | "on" | "goesOn">;

/** What may follow. No client goes on where the power was cut. */
const WAYS: readonly Way[] = [
  ...DEATHS.map((death) => ({ death, on: "folder", goesOn: false }) as const),
  { death: "process", on: "folder", goesOn: true },
  // Here a file that is flushed takes some renames along, and leaves earlier ones behind.
  { death: "power", on: "btrfs", goesOn: false },
];
/** The same on others: at every second step each, for time is short. */
const OTHER_WAYS: readonly Way[] = [
  { death: "power", on: "xfs", goesOn: false },
  { death: "process", on: "overlay", goesOn: false },
  { death: "power after commit", on: "xfs", goesOn: false },
  { death: "process", on: "mergerfs", goesOn: false },
];
/** The same where the old contents are cleared away instead of renamed. */
const CLEARING_WAYS: readonly Way[] = [
  { death: "process", on: "overlay, from below", goesOn: false },
  { death: "process", on: "overlay, from below", goesOn: true },
  { death: "process", on: "mergerfs, on both", goesOn: false },
  { death: "process", on: "mergerfs, on both", goesOn: true },
];

/** Every way in which a story of so many steps can be cut short, every other one of them twice. */
export function allDeaths({ verbs }: Story, steps: number): readonly Deaths[] {
  const clears = verbs.some(([verb]) => verb === "clear");
  const common = clears ? [...WAYS, ...CLEARING_WAYS] : WAYS;
  // What cannot be renamed takes some steps more.
  const last = clears ? steps + 8 : steps;
  return Array.from({ length: last }, (_, i) => i + 1).flatMap((dieAt) =>
    // By twos, so that either half has steps after which the recovery is cut short as well.
    [...common, ...OTHER_WAYS.filter((_, i) => (dieAt >> 1) % 2 === i % 2)].map(
      ({ death, on, goesOn }) => ({
        dieAt,
        // Whoever goes on has few steps left; a recovery may have many.
        dieAgainAt: dieAt % 2 === 0 ? ((dieAt * 7) % (goesOn ? 9 : steps)) + 1 : 0,
        death,
        on,
        goesOn,
      }),
    ),
  );
}
