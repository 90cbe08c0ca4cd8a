import assert from "node:assert/strict";
import { test } from "node:test";
import type { EngineVolume } from "../engine/volumes.ts";
import { volumesSharing } from "./sharing.ts";

function volume(name: string, driverOpts: Readonly<Record<string, string>> = {}): EngineVolume {
  return { name, driver: "local", driverOpts, labels: {}, mountpoint: `/volumes/${name}/_data` };
}

const bind = (device: string) => ({ type: "none", o: "bind", device });

function sharing(one: EngineVolume, ...others: readonly EngineVolume[]): readonly string[] {
  return volumesSharing(one, [one, ...others]).map(({ name }) => name);
}

test("volumes with folders of their own share nothing", () => {
  assert.deepEqual(sharing(volume("a"), volume("b"), volume("a-b")), ["a"]);
});

test("one folder, a folder inside it and the folder around it are shared, whichever is asked", () => {
  const one = volume("one", bind("/srv/data"));
  const same = volume("same", bind("/srv/data/"));
  const inside = volume("inside", bind("/srv/data/sub"));
  const around = volume("around", bind("/srv"));
  const beside = volume("beside", bind("/srv/database"));
  assert.deepEqual(sharing(one, same, inside, around, beside), ["one", "same", "inside", "around"]);
  assert.deepEqual(sharing(inside, one, beside), ["inside", "one"]);
});

test("a volume over another one's own folder shares it", () => {
  const plain = volume("plain");
  const over = volume("over", bind("/volumes/plain/_data"));
  assert.deepEqual(sharing(plain, over), ["plain", "over"]);
  assert.deepEqual(sharing(over, plain), ["over", "plain"]);
});

test("one device, or one share of a server, is one place; memory is many", () => {
  const disk = { type: "ext4", device: "/dev/sdb1" };
  assert.deepEqual(sharing(volume("a", disk), volume("b", disk)), ["a", "b"]);
  const nfs = { type: "nfs", o: "addr=10.0.0.1", device: ":/export" };
  assert.deepEqual(sharing(volume("a", nfs), volume("b", nfs)), ["a", "b"]);
  const elsewhere = { type: "nfs", o: "rw,addr=10.0.0.2,nolock", device: ":/export" };
  const whole = { ...elsewhere, device: ":/" };
  assert.deepEqual(sharing(volume("a", nfs), volume("b", elsewhere), volume("c", whole)), ["a"]);
  assert.deepEqual(sharing(volume("b", elsewhere), volume("c", whole)), ["b", "c"]);
  const memory = { type: "tmpfs", device: "tmpfs" };
  assert.deepEqual(sharing(volume("a", memory), volume("b", memory)), ["a"]);
});
