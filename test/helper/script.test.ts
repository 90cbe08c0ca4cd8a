/** Verbs of the helper's script in states that are hard to bring about otherwise: it runs here, without an engine. */
import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { attempt, run } from "../oracle/host.ts";

const HELPER = new URL("../../src/helper/helper.sh", import.meta.url);
const ID = "0123456789ab";
const STAGING = `.dockform-${ID}`;

const isRoot = process.platform === "linux" && process.getuid?.() === 0;
const skip = !isRoot && "extended attributes of every kind take root";

/** A volume and the script that takes it for its own. */
class Place implements AsyncDisposable {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** @param files by their paths in the volume; a path that ends with a slash is an empty folder. */
  static async create(files: Readonly<Record<string, string>>): Promise<Place> {
    const place = new Place(await mkdtemp(join(tmpdir(), "dockform-script-")));
    for (const folder of ["volume", "scratch"]) await mkdir(join(place.folder, folder));
    for (const [path, content] of Object.entries(files)) {
      const full = join(place.folder, "volume", path);
      await mkdir(path.endsWith("/") ? full : dirname(full), { recursive: true });
      if (!path.endsWith("/")) await writeFile(full, content);
    }
    const source = await readFile(HELPER, "utf8");
    const here = source.replaceAll(/^(volume|scratch)=/gm, `$&${place.folder}`);
    await writeFile(join(place.folder, "helper.sh"), here);
    return place;
  }

  /** Calls a verb; one that hangs is ended. Answers what it says. */
  async call(...verb: readonly string[]): Promise<string> {
    const args = ["--signal=KILL", "30", "sh", join(this.folder, "helper.sh"), ...verb];
    const { stderr } = await attempt("timeout", args, { env: { DOCKFORM_MARK: "=mark=" } });
    return stderr;
  }

  async names(path = ""): Promise<readonly string[]> {
    return (await readdir(join(this.folder, "volume", path))).toSorted();
  }

  async content(path: string): Promise<string> {
    return readFile(join(this.folder, "volume", path), "utf8");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true });
  }
}

for (const verb of [
  ["archive", "PIPE", "none"],
  ["fingerprint", "PIPE"],
  ["scan", "PIPE", "none", "1000"],
  ["extract", ID, "PIPE", "none", "1000"],
] as const) {
  test(`${verb[0]} does not wait for the other end of the pipe`, { skip }, async () => {
    await using place = await Place.create({ file: "text" });
    const pipe = join(place.folder, "pipe");
    await run("mkfifo", [pipe]);
    const said = await place.call(...verb.map((word) => (word === "PIPE" ? pipe : word)));
    assert.match(said, /^=mark= ready$/m);
  });
}

test(
  "what stands between old and new is not archived, and what is kept does no harm",
  { skip },
  async () => {
    await using place = await Place.create({
      [`${STAGING}/old/contents/data`]: "old",
      ".dockform-kept/contents/data": "kept",
      data: "new",
    });
    const said = await place.call("archive", "-", "none");
    assert.match(said, /^=mark= unfinished_0123456789ab  old\n=mark= end 1$/m);
    await rm(join(place.folder, "volume", STAGING), { recursive: true });
    assert.match(await place.call("archive", "-", "none"), /^=mark= entries 2$/m);
  },
);

test("what somebody else has ended is not cleared", { skip }, async () => {
  await using place = await Place.create({ precious: "written since" });
  assert.match(await place.call("clear", ID, "safety"), /^=mark= end 1$/m);
  assert.deepEqual(await place.names(), ["precious"]);
});

test(
  "who made himself at home between old and new makes room, whatever it is called",
  { skip },
  async () => {
    await using place = await Place.create({
      [`${STAGING}/old/contents/data`]: "old",
      [`${STAGING}/old/root/`]: "",
      [`${STAGING}/new/contents/data/file`]: "new",
      [`${STAGING}/new/contents/other`]: "new",
      [`${STAGING}/new/root/`]: "",
      "data/stranger": "stranger",
      another: "stranger",
    });
    assert.match(await place.call("recover", ID), /^=mark= swapped$/m);
    assert.deepEqual(await place.names(), [STAGING, "data", "other"]);
    assert.deepEqual(await place.names("data"), ["file"]);
    assert.match(await place.call("conclude", ID), /^=mark= aside .*(stranger|another)$/m);
  },
);

test("what came in before a death is not taken for a stranger's", { skip }, async () => {
  await using place = await Place.create({
    [`${STAGING}/old/contents/data`]: "old",
    [`${STAGING}/new/contents/in`]: "new",
    [`${STAGING}/new/contents/not-yet`]: "new",
    [`${STAGING}/new/root/`]: "",
  });
  const [volume, staging] = [join(place.folder, "volume"), join(place.folder, "volume", STAGING)];
  const inodes = await run("sh", ["-c", 'stat -c %i "$0"/*', join(staging, "new/contents")]);
  await writeFile(join(staging, "new/inodes"), inodes);
  await run("mv", [join(staging, "new/contents/in"), volume]);
  await writeFile(join(volume, "stranger"), "");
  assert.match(await place.call("recover", ID), /^=mark= swapped$/m);
  assert.deepEqual(await place.names(), [STAGING, "in", "not-yet"]);
});

test(
  "a file that somebody makes again while old ones are taken out destroys none",
  { skip },
  async () => {
    await using place = await Place.create({
      [`${STAGING}/old.partial/contents/log`]: "old",
      [`${STAGING}/new/contents/file`]: "new",
      [`${STAGING}/new/root/`]: "",
      log: "stranger",
      last: "old",
    });
    assert.match(await place.call("swap", ID), /^=mark= swapped$/m);
    assert.equal(await place.content(`${STAGING}/old/contents/log`), "old");
    assert.equal(await place.content(`${STAGING}/old/contents/last`), "old");
    assert.deepEqual(await place.names(), [STAGING, "file"]);
  },
);

test(
  "what could not be removed when a volume was cleared goes before it is filled again",
  { skip },
  async () => {
    await using place = await Place.create({
      [`${STAGING}/safety`]: "where",
      [`${STAGING}/old/root/`]: "",
      [`${STAGING}/gone/large`]: "takes the room",
    });
    assert.match(await place.call("recover", ID), /^=mark= needs_safety where$/m);
    assert.deepEqual(await place.names(STAGING), ["old", "safety"]);
  },
);
