import assert from "node:assert/strict";
import { test } from "node:test";
import type { ContainerMount, ContainerSummary } from "../engine/containers.ts";
import type { EngineVolume } from "../engine/volumes.ts";
import { HELPER_LABEL } from "../journal/operation.ts";
import {
  composeService,
  containerTitle,
  hostFolder,
  isActive,
  usersAmong,
  usersOfAny,
} from "./users.ts";

const plain: EngineVolume = {
  name: "data",
  driver: "local",
  driverOpts: {},
  labels: {},
  mountpoint: "/volumes/data/_data",
};

function bound(name: string, o: string, device = "/srv/data", driver = "local"): EngineVolume {
  const mountpoint = `/volumes/${name}/_data`;
  return { name, driver, driverOpts: { type: "none", o, device }, labels: {}, mountpoint };
}

function container(
  id: string,
  mounts: readonly Partial<ContainerMount>[],
  more: Partial<ContainerSummary> = {},
): ContainerSummary {
  const nothing = { type: "bind", name: undefined, source: "", readWrite: true };
  return {
    id,
    name: id,
    image: "app:1",
    imageId: "sha256:app",
    state: "running",
    exitCode: undefined,
    labels: {},
    mounts: mounts.map((mount) => ({ ...nothing, ...mount })),
    ...more,
  };
}

function users(
  volume: EngineVolume,
  ...containers: readonly ContainerSummary[]
): readonly (readonly [string, boolean])[] {
  return usersAmong(containers, volume).map((user) => [user.container.id, user.readWrite]);
}

test("whoever mounts a volume by its name uses it, in whatever state", () => {
  const mount = { type: "volume", name: "data" };
  const found = users(
    plain,
    container("a", [mount]),
    container("b", [{ type: "volume", name: "data2" }]),
    container("c", [{ ...mount, readWrite: false }], { state: "created" }),
    container("d", [{ ...mount, readWrite: false }, mount], { state: "exited" }),
    container("e", []),
  );
  assert.deepEqual(found, [
    ["a", true],
    ["c", false],
    ["d", true],
  ]);
});

test("our own containers are nobody's users", () => {
  const labels = { [HELPER_LABEL]: "restore" };
  assert.deepEqual(
    users(plain, container("ours", [{ type: "volume", name: "data" }], { labels })),
    [],
  );
});

test("whoever binds a volume's folder, or a folder in it, uses it", () => {
  const found = users(
    plain,
    container("itself", [{ source: "/volumes/data/_data" }]),
    container("inside", [{ source: "/volumes/data/_data/sub" }]),
    container("beside", [{ source: "/volumes/data/_data2" }]),
    container("around", [{ source: "/volumes/data" }]),
  );
  assert.deepEqual(
    found.map(([id]) => id),
    ["itself", "inside"],
  );
});

test("the folder that the local driver binds is the volume's as well", () => {
  const binder = container("binder", [{ source: "/srv/data/sub" }]);
  for (const o of ["bind", "rbind", "ro,bind"]) {
    assert.equal(users(bound("b", o, "/srv/data/"), binder).length, 1, o);
  }
  assert.deepEqual(users(bound("b", "addr=10.0.0.1"), binder), [], "not bound");
  assert.deepEqual(users(bound("b", "bind", "/srv/data", "plugin"), binder), [], "not local");
});

test("a plugin's volume without a folder has no users by folder", () => {
  const nowhere = { ...plain, driver: "plugin", mountpoint: "" };
  assert.deepEqual(users(nowhere, container("any", [{ source: "/srv" }])), []);
});

test("who uses several volumes is one user, and writes where it writes to any", () => {
  const other = { ...plain, name: "other" };
  const reads = { type: "volume", name: "data", readWrite: false };
  const writes = { type: "volume", name: "other" };
  const found = usersOfAny(
    [
      container("both", [reads, writes]),
      container("first", [
        { ...reads, readWrite: true },
        { ...writes, readWrite: false },
      ]),
      container("reader", [reads]),
    ],
    [plain, other],
  );
  assert.deepEqual(
    found.map((user) => [user.container.id, user.readWrite]),
    [
      ["both", true],
      ["first", true],
      ["reader", false],
    ],
  );
});

test("a volume's files are where they are bound from, else in its own folder", () => {
  assert.equal(hostFolder(plain), "/volumes/data/_data");
  assert.equal(hostFolder(bound("b", "bind")), "/srv/data");
  assert.equal(hostFolder({ ...plain, driverOpts: { o: "bind" } }), "/volumes/data/_data");
});

test("a container is active while it has processes", () => {
  const active = (["running", "paused", "restarting"] as const).map((state) => ({ state }));
  const atRest = (["created", "exited", "dead", "removing"] as const).map((state) => ({ state }));
  for (const more of active) assert.equal(isActive(container("x", [], more)), true, more.state);
  for (const more of atRest) assert.equal(isActive(container("x", [], more)), false, more.state);
});

test("a container of Compose's goes by its service, where both labels say so", () => {
  const project = { "com.docker.compose.project": "shop" };
  const service = { "com.docker.compose.service": "db" };
  const both = container("shop-db-1", [], { labels: { ...project, ...service } });
  assert.equal(containerTitle(both), "shop-db-1 (service db of shop)");
  for (const labels of [project, service, {}]) {
    const lone = container("lone", [], { labels });
    assert.equal(composeService(lone), undefined);
    assert.equal(containerTitle(lone), "lone");
  }
});
