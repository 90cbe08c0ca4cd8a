import assert from "node:assert/strict";
import { test } from "node:test";
import { isPattern, nearestToPattern, volumePattern } from "./volume-pattern.ts";

const names = ["mail", "paperless_data", "paperless_media", "xpaperless_data"];

function matching(pattern: string, context?: string): readonly string[] {
  const matches = volumePattern(pattern);
  return names.filter((volume) => matches({ context, volume }));
}

test("a pattern describes whole names", () => {
  assert.deepEqual(matching("paperless_*"), ["paperless_data", "paperless_media"]);
  assert.deepEqual(matching("*_data"), ["paperless_data", "xpaperless_data"]);
  assert.deepEqual(matching("?aperless_*a"), ["paperless_data", "paperless_media"]);
  assert.deepEqual(matching("mail"), ["mail"]);
  assert.deepEqual(matching("*"), names);
  assert.deepEqual(matching("m.il"), []);
  assert.deepEqual(matching("aperless_*"), []);
});

test("a context counts where one is given, and is a pattern, too", () => {
  assert.deepEqual(matching("home/mail", "home"), ["mail"]);
  assert.deepEqual(matching("h*/m*", "home"), ["mail"]);
  assert.deepEqual(matching("work/mail", "home"), []);
  assert.deepEqual(matching("mail", "home"), ["mail"]);
  // A store of one context does not say which.
  assert.deepEqual(matching("home/mail", undefined), ["mail"]);
});

test("names hold no wildcards, so that what does is a pattern", () => {
  assert.deepEqual(["a*", "a?b", "*", "home/a*"].map(isPattern), [true, true, true, true]);
  assert.deepEqual(["a", "a.b_c-d", "home/a"].map(isPattern), [false, false, false]);
});

test("the volume that was probably meant is found by a part of its name", () => {
  assert.equal(nearestToPattern("paperles_*", ["mail", "paperless_data"]), "paperless_data");
  assert.equal(nearestToPattern("*_dta", ["mail", "paperless_data"]), "paperless_data");
  assert.equal(nearestToPattern("home/mial", ["mail", "paperless_data"]), "mail");
  assert.equal(nearestToPattern("nothing_like_it*", ["mail", "paperless_data"]), undefined);
  assert.equal(nearestToPattern("*", []), undefined);
});
