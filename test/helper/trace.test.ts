/** The system calls of a swap, an undo and a recovery: contents are renamed, and never read, written or removed. */
import assert from "node:assert/strict";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { needProgram, run } from "../oracle/host.ts";
import { Place } from "./place.ts";

const ID = "0123456789ab";
const STAGING = `.dockform-${ID}`;
const CALLS =
  "read,readv,pread64,write,writev,pwrite64,copy_file_range,sendfile,splice,mmap,truncate,ftruncate," +
  "rename,renameat,renameat2,link,linkat,unlink,unlinkat,rmdir,execve";
/** Small files of ours, in which a helper leaves word for the next one. */
const STATE =
  /^\.dockform-0123456789ab\/(?:[^/]+\/)?(?:names|present|about|paths|safety)(?:\.partial|\.back)?$/;
/** Folders of ours that are empty, or nothing. */
const OURS = /^\.dockform-0123456789ab\/(?:[\w.]+\/)?(?:[\w.-]+)$/;

const isRoot = process.platform === "linux" && process.getuid?.() === 0;
const skip = !isRoot && "metadata of every kind takes root";

const FILES = { file: "old", "folder/inside": "old", "only-old/inside": "old" };

class TracedPlace {
  readonly place: Place;
  readonly #trace: string;

  constructor(place: Place) {
    this.place = place;
    this.#trace = join(place.folder, "trace");
  }

  /** Calls a verb, and checks what it does with what is in the volume; returns what it renames. */
  async call(...verb: readonly string[]): Promise<readonly string[]> {
    const strace = await needProgram("/usr/bin/strace", "strace");
    const options = ["-f", "-y", "-s", "0", "-e", `trace=${CALLS}`, "-o", this.#trace];
    await this.place.replace("sh", `exec ${strace} ${options.join(" ")} /bin/sh "$@"`);
    const said = await this.place.call(...verb);
    assert.match(said, /^=mark= end 0$/m, said);
    const lines = (await readFile(this.#trace, "utf8")).split("\n");
    const calls = lines.filter((line) => line.includes(this.place.volume));
    for (const call of calls) this.#check(call);
    assert.deepEqual(
      lines.filter((line) => /execve\("[^"]*\/(?:mv|cp|dd|install)"/.test(line)),
      [],
    );
    return calls.flatMap((call) => this.#renamed(call) ?? []);
  }

  /** The paths in the volume that a call is about. */
  #paths(call: string): readonly string[] {
    const start = `${this.place.volume}/`;
    // A name that is relative comes after its folder.
    return [...call.matchAll(/(?:<([^>]*)>)?(?:, )?(?:"([^"]*)")?/g)]
      .map(([, folder = "", name = ""]) => resolve(folder, name))
      .filter((path) => path.startsWith(start))
      .map((path) => path.slice(start.length));
  }

  #check(call: string): void {
    const [, name = ""] = /^\d+ +(\w+)\(/.exec(call) ?? [];
    if (name === "execve" || name.startsWith("rename")) return;
    const allowed = /unlink|rmdir/.test(name) ? OURS : STATE;
    for (const path of this.#paths(call)) {
      assert.match(path, allowed, `${call}\nis no rename`);
      assert.doesNotMatch(path, /\/contents\//, call);
    }
  }

  /** An entry of contents that is renamed, by its name. */
  #renamed(call: string): string | undefined {
    if (!/^\d+ +rename/.test(call) || !call.endsWith(" = 0")) return undefined;
    // Relative where the helper's program is in the folder that it empties.
    const [, from = ""] = /"([^"]+)"/.exec(call) ?? [];
    const to = this.#paths(call).at(-1) ?? "";
    const isState =
      /^\.dockform-[^/]+\/[\w.]+(?:\/(?:root|names|present))?$|^\.dockform-kept$/.test(to);
    return isState ? undefined : from.slice(from.lastIndexOf("/") + 1);
  }
}

async function prepare(): Promise<{ readonly place: Place } & AsyncDisposable> {
  const place = await Place.create(FILES);
  const [folder, archive] = [join(place.folder, "new"), join(place.folder, "new.tar")];
  await mkdir(join(folder, "folder"), { recursive: true });
  for (const file of ["file", "folder/inside", "only-new"]) {
    await writeFile(join(folder, file), "new".repeat(10_000));
  }
  await run("setfattr", ["-n", "user.note", "-v", "noted", place.volume]);
  await run("tar", ["--format=posix", "-cf", archive, "-C", folder, "."]);
  assert.match(await place.call("extract", ID, archive, "none", "1000"), /^=mark= end 0$/m);
  return { place, [Symbol.asyncDispose]: () => place[Symbol.asyncDispose]() };
}

const OLD = ["file", "folder", "only-old"];
const NEW = ["file", "folder", "only-new"];

test("a swap and the way back rename each entry once", { skip }, async () => {
  await using prepared = await prepare();
  const traced = new TracedPlace(prepared.place);
  const swapped = await traced.call("swap", ID, "about");
  assert.deepEqual(swapped.toSorted(), [...OLD, ...NEW].toSorted());
  assert.equal(await prepared.place.content("folder/inside"), "new".repeat(10_000));
  const back = await traced.call("swap_back", ID, "about");
  assert.deepEqual(back.toSorted(), [...OLD, ...NEW].toSorted());
  assert.equal(await prepared.place.content("folder/inside"), "old");
});

test("an undo renames each entry once", { skip }, async () => {
  await using prepared = await prepare();
  const { place } = prepared;
  await place.call("swap", ID, "about");
  assert.match(await place.call("conclude", ID), /^=mark= end 0$/m);
  const traced = new TracedPlace(place);
  await traced.call("take_kept", ID);
  const swapped = await traced.call("swap", ID, "about");
  assert.deepEqual(swapped.toSorted(), [...OLD, ...NEW].toSorted());
  assert.equal(await place.content("folder/inside"), "old");
});

test("a recovery renames each entry once, whichever way it goes", { skip }, async () => {
  await using out = await prepare();
  // Half of it is out.
  await mkdir(join(out.place.volume, STAGING, "old.partial/contents"), { recursive: true });
  const aside = join(out.place.volume, STAGING, "old.partial/contents/folder");
  await rename(join(out.place.volume, "folder"), aside);
  assert.deepEqual(await new TracedPlace(out.place).call("recover", ID), ["folder"]);
  assert.deepEqual(await out.place.names(), [STAGING, ...OLD]);

  await using coming = await prepare();
  await coming.place.call("swap", ID);
  // Half of the new contents have come in.
  const { volume } = coming.place;
  await rename(join(volume, STAGING, "emptied"), join(volume, STAGING, "new"));
  await rename(join(volume, "file"), join(volume, STAGING, "new/contents/file"));
  assert.deepEqual(await new TracedPlace(coming.place).call("recover", ID), ["file"]);
  assert.deepEqual(await coming.place.names(), [STAGING, ...NEW]);
});

test("a swap of some paths renames each once", { skip }, async () => {
  await using prepared = await prepare();
  const traced = new TracedPlace(prepared.place);
  await prepared.place.call("limit_to", ID, "folder\\0057inside", "file");
  const swapped = await traced.call("swap", ID);
  assert.deepEqual(swapped.toSorted(), ["file", "file", "inside", "inside"]);
});
