/** Another user who owns the folder, and swaps what is in it while root extracts into it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmod,
  chown,
  lchown,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  rm,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { DockformError } from "../../src/errors.ts";
import type { WrittenEntry } from "../../src/tar/write.ts";
import { fileEntry, folderEntry } from "../fakes/archived.ts";
import { extractEntries, NOBODY } from "../fakes/extraction.ts";

const OWNED = { uid: NOBODY, gid: NOBODY, mode: 0o757 };

/** An ordinary archive: folders and files of the other user's. */
const ENTRIES: readonly WrittenEntry[] = [
  folderEntry("./", OWNED),
  ...["a", "b"].flatMap((top) => [
    folderEntry(`./${top}/`, OWNED),
    folderEntry(`./${top}/inner/`, OWNED),
    ...Array.from({ length: 40 }, (_, i) => fileEntry(`./${top}/inner/f${i}`, "text", OWNED)),
    ...Array.from({ length: 40 }, (_, i) => fileEntry(`./${top}/f${i}`, "text", OWNED)),
  ]),
];

/** Puts a link to the victim in the place of whatever comes up, in the folder and in those that it may enter. */
const SWAPPER = `
  my ($victim, @tops) = @ARGV;
  $| = 1;
  my $n = 0;
  sub swap {
    my ($folder, $depth) = @_;
    opendir(my $names, $folder) or return;
    for my $name (grep { !/^(\\.\\.?|stash.*)$/ } readdir $names) {
      my $path = "$folder/$name";
      next if -l $path;
      swap($path, $depth - 1) if $depth > 0 && -d $path;
      $n++;
      if (rename $path, "$folder/stash$n") { symlink $victim, $path and print "$n\\n"; }
    }
  }
  print "ready\\n";
  my $end = time + 600; while (time < $end) { swap($_, 2) for @tops; }
`;

interface Swapper extends AsyncDisposable {
  readonly swaps: () => number;
}

/** It is ended before anything is removed: a removal by path can be led elsewhere as well. */
async function startSwapper(victim: string, folders: readonly string[]): Promise<Swapper> {
  const ids = ["--reuid", String(NOBODY), "--regid", String(NOBODY), "--clear-groups"];
  const swapper = spawn("setpriv", [...ids, "perl", "-e", SWAPPER, victim, ...folders], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(swapper, "close");
  let lines = -1;
  swapper.stdout.on("data", (chunk: Buffer) => (lines += String(chunk).split("\n").length - 1));
  await once(swapper.stdout, "data");
  return {
    swaps: () => lines,
    [Symbol.asyncDispose]: async () => {
      swapper.kill("SIGKILL");
      await ended;
    },
  };
}

/** How a race went. */
export interface Race {
  readonly rounds: number;
  /** Of these nothing stood in the way. */
  readonly extracted: number;
  /** How often the other user has put a link in the place of something. */
  readonly swaps: number;
  /** What is not as it was outside of the folders, after the round that did it. */
  readonly touched: string | undefined;
}

/**
 * Extracts as root again and again while another user swaps names, until something outside is touched.
 *
 * @param isOver asked before each round.
 */
export async function raceExtraction(isOver: (rounds: number) => boolean): Promise<Race> {
  await using stack = new AsyncDisposableStack();
  // Where the other user may enter, unlike the folder of a private engine.
  const scratch = await mkdtemp("/tmp/dockform-extract-race-");
  stack.defer(() => rm(scratch, { recursive: true, force: true }));
  await chmod(scratch, 0o755);
  const victim = await makeVictim(scratch);
  const before = await describe(victim);
  // Below one of them not even the folder to extract into keeps its name.
  const [fixed, open] = [join(scratch, "fixed"), join(scratch, "open")];
  for (const folder of [fixed, open]) await mkdir(folder);
  await chown(open, NOBODY, NOBODY);
  const swapper = stack.use(await startSwapper(victim, [fixed, open]));
  let [rounds, extracted] = [0, 0];
  for (; !isOver(rounds); rounds += 1) {
    if (await extractInto(join(rounds % 3 === 0 ? open : fixed, String(rounds)))) extracted += 1;
    const now = await describe(victim);
    if (now !== before) return { rounds, extracted, swaps: swapper.swaps(), touched: now };
  }
  return { rounds, extracted, swaps: swapper.swaps(), touched: undefined };
}

async function makeVictim(scratch: string): Promise<string> {
  const victim = join(scratch, "victim");
  await mkdir(join(victim, "inner"), { recursive: true });
  for (const name of ["f0", "f1", "inner/f0"]) {
    await writeFile(join(victim, name), "victim's", { mode: 0o600 });
  }
  return victim;
}

/** @returns whether it was not refused. */
async function extractInto(folder: string): Promise<boolean> {
  await mkdir(folder);
  // Whoever owns the folder around it may have put a link there by now, or be about to.
  await lchown(folder, NOBODY, NOBODY).catch((error: unknown) => {
    if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
  });
  try {
    await extractEntries(ENTRIES, folder);
    return true;
  } catch (error) {
    if (!(error instanceof DockformError)) throw error;
    return false;
  }
}

async function describe(folder: string): Promise<string> {
  const names = (await readdir(folder, { recursive: true })).toSorted();
  const lines = await Promise.all(
    ["", ...names].map(async (name) => {
      const { uid, mode, mtimeMs, ino } = await lstat(join(folder, name));
      return `${name} ${uid} ${mode.toString(8)} ${mtimeMs} ${ino}`;
    }),
  );
  return lines.join("\n");
}
