import assert from "node:assert/strict";
import { utimes } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { Place } from "./place.ts";

const ID = "0123456789ab";

const STAGING = `.dockform-${ID}`;

const isRoot = process.platform === "linux" && process.getuid?.() === 0;

const skip = !isRoot && "extended attributes of every kind take root";

/** Two paths changed places, in one folder. */
const SWAPPED_PATHS = {
  [`${STAGING}/old/contents/conf/a`]: "old",
  [`${STAGING}/old/contents/conf/b`]: "old",
  [`${STAGING}/paths`]: "conf\\0057a\nconf\\0057b\n",
  "conf/a": "new",
  "conf/b": "new",
};

test("some paths are no contents that could be kept", { skip }, async () => {
  await using place = await Place.create(SWAPPED_PATHS);
  assert.match(await place.call("swap_back", ID, "about"), /^=mark= returned$/m);
  assert.match(await place.call("conclude", ID), /^=mark= end 0$/m);
  assert.deepEqual(await place.names(), ["conf"]);
  assert.equal(await place.content("conf/b"), "old");
});

test("a folder has its time again when paths in it are swapped back", { skip }, async () => {
  await using place = await Place.create({
    [`${STAGING}/new/contents/conf/a`]: "new",
    [`${STAGING}/new/contents/conf/b`]: "new",
    [`${STAGING}/paths`]: "conf\\0057a\nconf\\0057b\n",
    "conf/a": "old",
    "conf/b": "old",
  });
  await utimes(join(place.folder, "volume", "conf"), 1000, 1000);
  assert.match(await place.call("swap", ID), /^=mark= swapped$/m);
  assert.notEqual(await place.modified("conf"), 1000);
  assert.match(await place.call("swap_back", ID), /^=mark= returned$/m);
  assert.equal(await place.content("conf/a"), "old");
  assert.equal(await place.modified("conf"), 1000);
});

test("a folder has its time again when paths cannot be taken out of it", { skip }, async () => {
  await using place = await Place.create({
    [`${STAGING}/new/contents/conf/a`]: "new",
    [`${STAGING}/new/contents/conf/b`]: "new",
    [`${STAGING}/new/contents/conf/c`]: "new",
    [`${STAGING}/paths`]: "conf\\0057a\nconf\\0057b\nconf\\0057c\n",
    "conf/a": "old",
    "conf/b": "old",
    "conf/c": "old",
  });
  await utimes(join(place.folder, "volume", "conf"), 1000, 1000);
  await place.replace(
    "perl",
    'case $* in */volume/conf/c*) exit 1 ;; esac; exec /usr/bin/perl "$@"',
  );
  assert.match(await place.call("swap", ID), /^=mark= swapped_back$/m);
  assert.equal(await place.content("conf/a"), "old");
  assert.equal(await place.modified("conf"), 1000);
});

test(
  "a path that somebody makes again makes room for the one that comes in",
  { skip },
  async () => {
    await using place = await Place.create({
      [`${STAGING}/old/contents/conf/a`]: "old",
      [`${STAGING}/new/contents/conf/a`]: "new",
      [`${STAGING}/paths`]: "conf\\0057a\n",
      "conf/a": "stranger",
    });
    assert.match(await place.call("recover", ID), /^=mark= swapped$/m);
    assert.equal(await place.content("conf/a"), "new");
    assert.match(await place.call("conclude", ID), /^=mark= aside .*\/a$/m);
  },
);

test("what is said of contents that are kept is with them before they move", { skip }, async () => {
  await using place = await Place.create({
    [`${STAGING}/new/contents/file`]: "new",
    [`${STAGING}/new/root/`]: "",
    file: "old",
  });
  assert.match(await place.call("swap", ID, "about"), /^=mark= swapped$/m);
  assert.equal(await place.content(`${STAGING}/old/about`), "about\n");
});
