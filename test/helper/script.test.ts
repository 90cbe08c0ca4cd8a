/** Verbs of the helper's script in states that are hard to bring about otherwise: it runs here, without an engine. */
import assert from "node:assert/strict";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { run } from "../oracle/host.ts";
import { Place } from "./place.ts";

const ID = "0123456789ab";

const STAGING = `.dockform-${ID}`;

const ASIDE = `.dockform-aside-${ID}`;

const isRoot = process.platform === "linux" && process.getuid?.() === 0;

const skip = !isRoot && "extended attributes of every kind take root";

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

test("what is no verb is refused, whatever the shell knows by that name", async () => {
  await using place = await Place.create({ file: "old" });
  for (const word of ["swpa", "echo", "rm", "finish_swap", "serve_"]) {
    const said = await place.call(word, place.volume);
    assert.match(said, new RegExp(`^no such verb: ${word}$`, "m"));
    assert.match(said, /^=mark= end 64$/m);
  }
});

test("extract is ready to read before it makes room, which can take long", { skip }, async () => {
  await using place = await Place.create({ [STAGING]: "in the way" });
  const said = await place.call("extract", ID, "-", "none", "1000");
  assert.match(said, /^=mark= ready\nmkdir: .*\n=mark= end 1$/m);
});

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

test(
  "whatever a volume says of what it keeps, it is one line, and not long",
  { skip },
  async () => {
    await using place = await Place.create({
      ".dockform-kept/contents/file": "kept",
      ".dockform-kept/about": `since\nthen\r\u001B[2J\n=mark= free_kilobytes 1${"x".repeat(1 << 20)}`,
    });
    const said = await place.call("inspect");
    assert.match(said, /^=mark= kept sincethen\r\P{L}\[2J=mark= free_kilobytes 1x+$/mu);
    assert.ok(said.length < 1 << 17, String(said.length));
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
    assert.deepEqual(await place.names(), [STAGING, ASIDE, "data", "other"]);
    assert.deepEqual(await place.names("data"), ["file"]);
    const said = await place.call("conclude", ID);
    assert.match(said, /^=mark= aside \.dockform-aside-0123456789ab\/1\/(data|another)$/m);
    assert.deepEqual(await place.names(`${ASIDE}/1`), ["another", "data"]);
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
  await writeFile(join(staging, "new/names"), "./in\n./not-yet\n");
  await run("mv", [join(staging, "new/contents/in"), volume]);
  await writeFile(join(volume, "stranger"), "");
  assert.match(await place.call("recover", ID), /^=mark= swapped$/m);
  assert.deepEqual(await place.names(), [STAGING, ASIDE, "in", "not-yet"]);
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
    assert.deepEqual(await place.names(), [STAGING, ASIDE, "file"]);
    assert.equal(await place.content(`${ASIDE}/1/log`), "stranger");
  },
);

test("what comes while old ones are taken out is none of them", { skip }, async () => {
  await using place = await Place.create({
    [`${STAGING}/new/contents/file`]: "new",
    log: "old",
  });
  // Once, before the first of them moves.
  await place.replace(
    "tar",
    `mkdir ${place.folder}/once 2>/dev/null && echo stranger >${place.volume}/late; exec /bin/tar "$@"`,
  );
  assert.match(await place.call("swap", ID), /^=mark= swapped$/m);
  assert.deepEqual(await place.names(`${STAGING}/old/contents`), ["log"]);
  assert.equal(await place.content(`${ASIDE}/1/late`), "stranger\n");
});

test(
  "a swap that fails in its last step takes along what it has brought only",
  { skip },
  async () => {
    await using place = await Place.create({
      [`${STAGING}/new/contents/file`]: "new",
      [`${STAGING}/new/contents/other`]: "new",
      [`${STAGING}/new/root/`]: "",
      old: "old",
    });
    await place.replace(
      "rmdir",
      `case $1 in */new/root) echo stranger >${place.volume}/late; exit 1 ;; esac; exec /bin/rmdir "$@"`,
    );
    assert.match(await place.call("swap", ID), /^=mark= swapped_back$/m);
    assert.deepEqual(await place.names(`${STAGING}/new/contents`), ["file", "other"]);
    const said = await place.call("discard", ID);
    assert.match(said, /^=mark= aside \.dockform-aside-0123456789ab\/1\/late$/m);
    assert.deepEqual(await place.names(), [ASIDE, "old"]);
    assert.equal(await place.content(`${ASIDE}/1/late`), "stranger\n");
  },
);

/** Has each folder end early for the helper's program, with an error. */
const SHORT_FOLDERS = `exec /usr/bin/perl -e '
	BEGIN {
		*CORE::GLOBAL::readdir = sub {
			my $name = CORE::readdir($_[0]);
			return $name if ($seen{$_[0]}++ < 4);
			$! = 5;
			return undef;
		};
	}
	my $program = splice @ARGV, 0, 2;
	eval $program;
	die $@ if $@' -- "$@"`;

test(
  "a folder that cannot be read to its end is not taken for an empty one",
  { skip },
  async () => {
    const names = Array.from({ length: 30 }, (_, i) => `old-${i}`);
    await using place = await Place.create({
      ...Object.fromEntries(names.map((name) => [name, "old"])),
      [`${STAGING}/new/contents/file`]: "new",
    });
    await place.replace("perl", SHORT_FOLDERS);
    const said = await place.call("swap", ID);
    assert.match(said, /^cannot read .*: Input\/output error$/m);
    assert.doesNotMatch(said, /^=mark= swapped$/m);
    await place.replace("perl", `exec /usr/bin/perl "$@"`);
    assert.match(await place.call("recover", ID), /^=mark= swapped_back$/m);
    assert.match(await place.call("discard", ID), /^=mark= end 0$/m);
    assert.deepEqual(await place.names(), names.toSorted());
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

test("a name may be anything, and still it is known whose it is", { skip }, async () => {
  await using place = await Place.create({
    [`${STAGING}/old/root/`]: "",
    [`${STAGING}/new/contents/not yet`]: "new",
    [`${STAGING}/new/names`]: "./in\ntoo\n./not yet\n",
    "in\ntoo": "new",
    "a stranger\n": "stranger",
    " ": "stranger",
  });
  assert.match(await place.call("recover", ID), /^=mark= swapped$/m);
  assert.deepEqual(await place.names(), [STAGING, ASIDE, "in\ntoo", "not yet"]);
  assert.deepEqual(await place.names(`${ASIDE}/1`), [" ", "a stranger\n"]);
});

test("an undo that is given up forgets what it had begun to put in place", { skip }, async () => {
  await using place = await Place.create({
    [`${STAGING}/kept/contents/file`]: "kept",
    [`${STAGING}/kept/names`]: "file\n",
  });
  assert.match(await place.call("discard", ID), /^=mark= end 0$/m);
  assert.deepEqual(await place.names(".dockform-kept"), ["contents"]);
});

test("an undo takes away what one that died has begun in what is kept", { skip }, async () => {
  await using place = await Place.create({
    ".dockform-kept/contents/file": "kept",
    ".dockform-kept/.dockform-ba9876543210/": "",
  });
  assert.match(await place.call("take_kept", ID), /^=mark= end 0$/m);
  assert.deepEqual(await place.names(`${STAGING}/kept`), ["contents", "names"]);
});

test("what cannot be removed lies in folders of ours, each by its own name", { skip }, async () => {
  await using place = await Place.create({
    ".dockform-kept/contents/file": "older",
    [`${STAGING}/old/contents/file`]: "old",
    [`${STAGING}/old/present`]: "file\n",
    [`${STAGING}/about`]: "about",
    file: "new",
  });
  await place.replace("rm", `case $* in *trash*) exit 1 ;; esac; exec /bin/rm "$@"`);
  const said = await place.call("conclude", ID);
  const left = [...said.matchAll(/^=mark= left_([0-9a-f]{12})$/gm)].map(([, id]) => id);
  assert.equal(left.length, 2, said);
  assert.equal((await place.names()).length, 4);
  for (const name of await place.names()) {
    assert.match(name, /^(?:file|\.dockform-(?:kept|trash-[0-9a-f]{12}))$/);
  }
  assert.equal(await place.content(".dockform-kept/contents/file"), "old");
});

test("what is begun twice is begun", { skip }, async () => {
  await using place = await Place.create({});
  for (const _ of [1, 2]) assert.match(await place.call("begin", ID), /^=mark= end 0$/m);
});

test("what is extracted has no setgid bit of the root folder's", { skip }, async () => {
  await using place = await Place.create({});
  const from = join(place.folder, "from");
  await mkdir(join(from, "private"), { recursive: true, mode: 0o700 });
  const archive = join(place.folder, "from.tar");
  await run("tar", ["--format=posix", "-cf", archive, "-C", from, "."]);
  await run("chmod", ["2775", join(place.folder, "volume")]);
  assert.match(await place.call("extract", ID, archive, "none", "1000"), /^=mark= end 0$/m);
  assert.equal(await place.mode(`${STAGING}/new/contents/private`), 0o700);
});

test("without the old contents nothing is swapped back", { skip }, async () => {
  await using place = await Place.create({
    new: "new",
    [`${STAGING}/old/root/`]: "",
    [`${STAGING}/safety.done`]: "where",
  });
  assert.match(await place.call("swap_back", ID, "about"), /^=mark= end 1$/m);
  assert.match(await place.call("recover", ID), /^=mark= safety where$/m);
  assert.deepEqual(await place.names(), [STAGING, "new"]);
});

test("old contents whose root folder cannot be kept as it is stay in place", { skip }, async () => {
  await using place = await Place.create({
    [`${STAGING}/new/contents/file`]: "new",
    [`${STAGING}/new/root/`]: "",
    file: "old",
  });
  const tar = `case $* in
    *--extract*) echo "tar: .: Cannot setxattr: No space left on device" >&2 ;;
  esac
  exec /bin/tar "$@"`;
  await place.replace("tar", tar);
  const said = await place.call("swap", ID);
  assert.match(said, /^=mark= swapped_back$/m);
  assert.match(said, /Cannot setxattr/);
  assert.equal(await place.content("file"), "old");
});

test(
  "a helper's status tells which contents are in place where its client is gone",
  { skip },
  async () => {
    const swapped = { [`${STAGING}/old/contents/data`]: "old", data: "new" };
    const endings: readonly [number, Readonly<Record<string, string>>, ...string[][]][] = [
      [0, { data: "old" }],
      [0, { data: "old" }, ["begin", ID]],
      [3, swapped, ["resume", ID]],
      [4, swapped, ["conclude", ID]],
      [0, { ...swapped, [`${STAGING}/returned/`]: "" }, ["conclude", ID]],
    ];
    for (const [status, files, ...verbs] of endings) {
      await using place = await Place.create(files);
      assert.equal(await place.serve(...verbs), status, verbs.join());
    }
  },
);

test("a folder that is none of ours is put aside with all that is in it", { skip }, async () => {
  await using place = await Place.create({ [`${STAGING}/old/own`]: "text", data: "data" });
  assert.match(await place.call("put_aside", ID), /^=mark= end 0$/m);
  const said = await place.call("inspect");
  assert.match(said, new RegExp(`^=mark= aside_${ID} ${ASIDE}/1/${STAGING}$`, "m"));
  assert.doesNotMatch(said, /unfinished/);
  const own = join(place.folder, "volume", ASIDE, "1", STAGING, "old/own");
  assert.equal(await readFile(own, "utf8"), "text");
});
