/** What a helper does that reads an archive of a client's when that goes away, or seems to. */
import assert from "node:assert/strict";
import { constants } from "node:fs";
import { open, readdir, readFile, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { test, type TestContext } from "node:test";
import { entry, header, tar } from "../fixtures/hostile-streams.ts";
import { run } from "../oracle/host.ts";
import { Place, type Begun } from "./place.ts";

const ID = "0123456789ab";
const CONTENTS = `.dockform-${ID}/new.partial/contents`;
/** Long before a helper is ended that does not end by itself, and far more than one takes that does. */
const AT_ONCE_MS = 10_000;
const POLL_MS = 20;

const isRoot = process.platform === "linux" && process.getuid?.() === 0;
const skip = !isRoot && "owners take root";

/** The beginning of an archive: a file, and half of another one. */
const HALF = Buffer.concat([
  ...entry("0", Buffer.from("whole"), { name: "./whole" }),
  header({ name: "./half", type: "0", sizeBytes: 1 << 20 }),
  Buffer.alloc(1 << 19),
]);
const WHOLE = Buffer.concat([...tar(entry("0", Buffer.from("new"), { name: "./new" }))]);

/** A helper with a pipe, both of whose ends are open here, whoever else closes theirs. */
class Scene {
  readonly place: Place;
  readonly helper: Begun;
  readonly pipe: FileHandle;
  readonly pipePath: string;

  private constructor(place: Place, pipe: FileHandle, pipePath: string) {
    this.place = place;
    this.pipe = pipe;
    this.pipePath = pipePath;
    this.helper = place.begin("serve");
  }

  static async set(
    t: TestContext,
    prepare: (place: Place) => Promise<void> = async () => {},
  ): Promise<Scene> {
    const place = await Place.create({ file: "old" });
    await prepare(place);
    const path = join(place.folder, "pipe");
    await run("mkfifo", [path]);
    const pipe = await open(path, constants.O_RDWR | constants.O_NONBLOCK);
    const scene = new Scene(place, pipe, path);
    t.after(async () => {
      scene.helper.child.stdin.end();
      await scene.helper.ended;
      await pipe.close();
      await place[Symbol.asyncDispose]();
    });
    return scene;
  }

  ask(...verb: readonly string[]): void {
    this.helper.child.stdin.write(`${verb.join(" ")}\n`);
  }

  extract(): void {
    this.ask("extract", ID, this.pipePath, "none", "1000");
  }

  /** The client's connection is cut, and nothing else. */
  async cut(helper: Begun = this.helper): Promise<number | "goes on"> {
    this.helper.child.stdin.end();
    return await Promise.race([helper.ended, sleep(AT_ONCE_MS, "goes on" as const)]);
  }
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (let left = AT_ONCE_MS / POLL_MS; !(await isSo()); left -= 1) {
    assert.ok(left > 0, "it does not come");
    await sleep(POLL_MS);
  }
}

/** Writes as much as the pipe takes once somebody reads it, and then the rest. */
async function feed({ pipe, helper }: Scene, bytes: Buffer): Promise<void> {
  await until(() => helper.said.includes("=mark= ready\n"));
  for (let at = 0; at < bytes.length;) {
    const written = await pipe.write(bytes, at).catch(() => ({ bytesWritten: 0 }));
    at += written.bytesWritten;
    if (written.bytesWritten === 0) await sleep(POLL_MS);
  }
}

async function hasBegun({ place }: Scene): Promise<boolean> {
  const names = await place.names(CONTENTS).catch((): string[] => []);
  return names.includes("half");
}

/** Processes that still have something of a place open, or run in it. */
async function processesIn({ folder }: Place): Promise<readonly string[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "")),
  );
  return lines.filter((line) => line.includes(folder));
}

test("one that extracts stops at once, though more could come", { skip }, async (t) => {
  const scene = await Scene.set(t);
  scene.extract();
  await feed(scene, HALF);
  await until(() => hasBegun(scene));
  assert.equal(await scene.cut(), 0);
  assert.deepEqual(await scene.place.names(), ["file"]);
  assert.deepEqual(await processesIn(scene.place), []);
});

test("so does one that has all of it, and flushes it", { skip }, async (t) => {
  const scene = await Scene.set(t, (place) =>
    // The last flush of an extraction, not those while tar extracts, nor that of what is put away.
    place.replace(
      "sync",
      `case $* in */contents) exit 0 ;; esac; [ ! -e ${place.folder}/flushing ] || exit 0; echo >>${place.folder}/flushing; exec sleep 20`,
    ),
  );
  scene.extract();
  await feed(scene, WHOLE);
  await scene.pipe.close();
  await until(() => scene.helper.said.includes("tar_status 0"));
  await until(async () => (await readdir(scene.place.folder)).includes("flushing"));
  assert.equal(await scene.cut(), 0);
  assert.deepEqual(await scene.place.names(), ["file"]);
});

test("so does an exec in it", { skip }, async (t) => {
  const scene = await Scene.set(t);
  const exec = scene.place.begin("extract", ID, "-", "none", "1000");
  exec.child.stdin.write(HALF);
  await until(() => hasBegun(scene));
  assert.equal(await scene.cut(), 0);
  assert.deepEqual(await scene.place.names(), ["file"]);
  assert.notEqual(await scene.cut(exec), "goes on");
  assert.match(exec.said, /^=mark= end 137$/m);
});

test("so does one that only reads", { skip }, async (t) => {
  const scene = await Scene.set(t);
  scene.ask("scan", scene.pipePath, "none", "1000");
  await feed(scene, HALF);
  assert.equal(await scene.cut(), 0);
  assert.deepEqual(await processesIn(scene.place), []);
});

test("a client that is silent for a while is not dead", { skip }, async (t) => {
  const scene = await Scene.set(t, async (place) => {
    await place.set("beat_seconds", "1");
    await place.set("silent_beats", "4");
  });
  scene.extract();
  await feed(scene, HALF);
  await until(() => hasBegun(scene));
  for (let i = 0; i < 4; i += 1) {
    await sleep(2000);
    scene.ask("");
  }
  assert.ok(await hasBegun(scene), "it was taken for dead");
  const ended = await Promise.race([scene.helper.ended, sleep(AT_ONCE_MS, "goes on" as const)]);
  assert.equal(ended, 0, "one that is silent for longer is");
  assert.deepEqual(await scene.place.names(), ["file"]);
});

test("what is asked meanwhile is done after it", { skip }, async (t) => {
  const scene = await Scene.set(t);
  scene.extract();
  scene.ask("swap", ID);
  await feed(scene, WHOLE);
  await scene.pipe.close();
  await until(() => scene.helper.said.includes("=mark= swapped\n"));
  assert.deepEqual(await scene.place.names(), [`.dockform-${ID}`, "new"]);
  assert.equal(await scene.cut(), 3);
});
