/** Another user who owns the folder, and swaps what is in it while root extracts into it. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, chown, lchown, lstat, mkdir, readdir, writeFile } from "node:fs/promises";
import { platform } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileEntry, folderEntry } from "../../test/fakes/archived.ts";
import { extractEntries, IS_ROOT, NOBODY, scratchFolder } from "../../test/fakes/extraction.ts";
import { DockformError } from "../errors.ts";
import type { WrittenEntry } from "../tar/write.ts";

const skip = (platform() !== "linux" || !IS_ROOT) && "another user needs root, on Linux";

const ROUNDS = 15;
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
  my $end = time + 100; while (time < $end) { swap($_, 2) for @tops; }
`;

/** It is ended before anything is removed: a removal by path can be led elsewhere as well. */
async function startSwapper(victim: string, folders: readonly string[]): Promise<Swapper> {
  const ids = ["--reuid", String(NOBODY), "--regid", String(NOBODY), "--clear-groups"];
  const swapper = spawn("setpriv", [...ids, "perl", "-e", SWAPPER, victim, ...folders], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(swapper, "close");
  let said = "";
  swapper.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
  await once(swapper.stdout, "data");
  return {
    swaps: () => said.split("\n").length - 2,
    [Symbol.asyncDispose]: async () => {
      swapper.kill("SIGKILL");
      await ended;
    },
  };
}

interface Swapper extends AsyncDisposable {
  readonly swaps: () => number;
}

test("root is not led out of the folder", { skip, timeout: 120_000 }, async (t) => {
  const scratch = await scratchFolder(t);
  await chmod(scratch, 0o755);
  const victim = join(scratch, "victim");
  await mkdir(join(victim, "inner"), { recursive: true });
  for (const name of ["f0", "f1", "inner/f0"]) {
    await writeFile(join(victim, name), "victim's", { mode: 0o600 });
  }
  const before = await describe(victim);
  // Below one of them not even the folder to extract into keeps its name.
  const [fixed, open] = [join(scratch, "fixed"), join(scratch, "open")];
  for (const folder of [fixed, open]) await mkdir(folder);
  await chown(open, NOBODY, NOBODY);
  await using swapper = await startSwapper(victim, [fixed, open]);
  for (let round = 0; round < ROUNDS; round += 1) {
    const folder = join(round % 3 === 0 ? open : fixed, String(round));
    await mkdir(folder);
    // Whoever owns the folder around it may have put a link there by now.
    await lchown(folder, NOBODY, NOBODY);
    await extractEntries(ENTRIES, folder).catch((error: unknown) => {
      if (!(error instanceof DockformError)) throw error;
    });
    assert.deepEqual(await describe(victim), before, `round ${round}`);
  }
  assert.ok(swapper.swaps() > 0);
});

async function describe(folder: string): Promise<readonly string[]> {
  const names = (await readdir(folder, { recursive: true })).toSorted();
  return Promise.all(
    ["", ...names].map(async (name) => {
      const { uid, mode, mtimeMs, ino } = await lstat(join(folder, name));
      return `${name} ${uid} ${mode.toString(8)} ${mtimeMs} ${ino}`;
    }),
  );
}
