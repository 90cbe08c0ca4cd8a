/** What is kept makes way, or is removed, however often that is asked for; the helper's script runs here. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Place } from "./place.ts";

const ID = "0123456789ab";
const skip = process.platform !== "linux" && "the helper's script runs on Linux";

test("what was to be removed when a helper died is removed by the next", { skip }, async () => {
  await using place = await Place.create({ ".dockform-kept/contents/old": "", file: "" });
  await place.replace("rm", "kill -9 $PPID");
  assert.doesNotMatch(await place.call("forget_kept", ID), /^=mark= end 0$/m);
  await place.replace("rm", 'exec /bin/rm "$@"');
  const said = await place.call("forget_kept", ID);
  assert.match(said, /^=mark= put_away$/m);
  assert.match(said, /^=mark= end 0$/m);
  assert.deepEqual(await place.names(), ["file"]);
});

test("what cannot be removed keeps nothing else from being removed", { skip }, async () => {
  await using place = await Place.create({
    [`.dockform-${ID}/old/contents/older`]: "",
    [`.dockform-${ID}/about`]: "about",
    ".dockform-kept/contents/oldest": "",
    file: "",
  });
  await place.replace("rm", `case "$*" in *trash-${ID}) exit 1 ;; *) exec /bin/rm "$@" ;; esac`);
  const said = await place.call("conclude", ID);
  assert.match(said, new RegExp(`^=mark= left_${ID}$`, "m"));
  assert.match(said, /^=mark= end 1$/m);
  assert.deepEqual(await place.names(), [".dockform-kept", `.dockform-trash-${ID}`, "file"]);
  assert.deepEqual(await place.names(".dockform-kept/contents"), ["older"]);
});
