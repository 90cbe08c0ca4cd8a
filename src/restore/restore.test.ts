import assert from "node:assert/strict";
import { test } from "node:test";
import { House } from "../../test/fakes/house.ts";
import { restoreVolume } from "./restore.ts";

test("new contents take the place of old ones, and containers run again", async () => {
  const house = await House.build();
  house.user("app", "running", { restart: "always" });
  house.user("paused", "paused");
  house.user("at rest", "created");
  const before = house.users();
  const report = await restoreVolume(house.request(), house.tools);
  assert.equal(house.inPlace, "new");
  assert.equal(house.kept, "nothing");
  assert.deepEqual(house.users(), before);
  assert.deepEqual(house.left(), []);
  assert.deepEqual([...house.disk.stagings], []);
  assert.deepEqual(
    report.containers.map(({ name, outcome }) => [name, outcome]),
    [
      ["app", "started"],
      ["paused", "started"],
    ],
  );
});
