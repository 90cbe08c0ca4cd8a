import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClient } from "../../test/fakes/client.ts";
import { FakeEngine } from "../../test/fakes/engine.ts";
import { FakeLog, fakeTarget } from "../../test/fakes/surroundings.ts";
import type { ArchiveContents } from "../archive/archive.ts";
import { DockformError, type ErrorCode } from "../errors.ts";
import type { Obstacle } from "../helper/outcomes.ts";
import type { VolumeUser } from "../workload/users.ts";
import {
  clearsTheWay,
  refuseFixedAttributes,
  refuseInPlaceAmongOthers,
  refuseMounts,
  refuseNonEmpty,
  refusePaths,
  refuseToPushOutKept,
  refuseUnfinished,
  refuseUsed,
  replacesInPlace,
} from "./checks.ts";
import type { VolumeFiles } from "./files.ts";
import type { VolumeRestore } from "./request.ts";

const target = fakeTarget(new FakeClient(new FakeEngine()), "data");

function request(more: Partial<VolumeRestore> = {}): VolumeRestore {
  return {
    target,
    store: target.store,
    archivePath: "/archive.tar.zst",
    undeclared: true,
    create: false,
    force: false,
    keepPrevious: false,
    keepFailed: false,
    discardKept: false,
    paths: [],
    root: undefined,
    fromVolume: undefined,
    verify: false,
    inPlace: false,
    forceEmpty: false,
    without: new Set(),
    strictAttributes: false,
    ...more,
  };
}

/** Of a volume that nothing stands against. */
function files(more: Partial<VolumeFiles> = {}): VolumeFiles {
  return {
    empty: true,
    freeBytes: 1000,
    totalBytes: 2000,
    freeInodes: 10,
    missingTool: undefined,
    mounted: undefined,
    unfinished: [],
    kept: undefined,
    setAside: [],
    ...more,
  };
}

const contents: ArchiveContents = { tarBytes: 1000, entries: 10, sha256: "0" };

function refused(act: () => unknown): DockformError {
  try {
    act();
  } catch (error) {
    assert.ok(error instanceof DockformError);
    assert.equal(error.kind, "refused");
    return error;
  }
  throw assert.fail("it was not refused");
}

function codeOf(act: () => unknown): ErrorCode | undefined {
  return refused(act).code;
}

test("what a volume holds is replaced only by force", () => {
  refuseNonEmpty(request(), files());
  refuseNonEmpty(request({ force: true }), files({ empty: false }));
  assert.equal(
    codeOf(() => refuseNonEmpty(request(), files({ empty: false }))),
    "volume.not-empty",
  );
});

test("paths that are there are replaced only by force, and none through a link", () => {
  refusePaths(request(), new Map([["a", "free"]]));
  refusePaths(request({ force: true }), new Map([["a", "there"]]));
  const taken = refused(() =>
    refusePaths(
      request(),
      new Map([
        ["a", "there"],
        ["b", "free"],
        ["c", "there"],
      ]),
    ),
  );
  assert.equal(taken.code, "volume.path-taken");
  assert.match(taken.message, /holds a, c already/);
  const through = refused(() =>
    refusePaths(
      request({ force: true }),
      new Map([
        ["a", "there"],
        ["b", "through"],
      ]),
    ),
  );
  assert.equal(through.code, "volume.path-through-link");
  assert.match(through.message, /the path to b leads/);
});

function user(name: string, state: VolumeUser["container"]["state"]): VolumeUser {
  const container = { id: name, name, state, exitCode: undefined, labels: {}, mounts: [] };
  return { container: { ...container, imageId: "image", image: "app:1" }, readWrite: true };
}

test("containers that use the volume are in the way, unless they may be stopped", () => {
  refuseUsed("data", [], { stopContainers: false });
  refuseUsed("data", [user("web", "running")], { stopContainers: true });
  const users = [user("web", "running"), user("job", "exited")];
  const error = refused(() => refuseUsed("data", users, { stopContainers: false }));
  assert.equal(error.code, "volume.in-use");
  assert.match(error.message, /web, running; job, exited/);
  assert.deepEqual(error.data, { containers: ["web", "job"] });
});

test("without room for old and new contents the old ones go first, where that is allowed", () => {
  assert.equal(replacesInPlace(request(), files(), contents), false);
  assert.equal(replacesInPlace(request({ inPlace: true }), files(), contents), false);
  for (const lacking of [files({ freeBytes: 999 }), files({ freeInodes: 9 })]) {
    const replace = (more: Partial<VolumeRestore>): boolean =>
      replacesInPlace(request(more), lacking, contents);
    assert.equal(replace({ inPlace: true }), true);
    const error = refused(() => replace({}));
    assert.equal(error.code, "volume.no-room");
    const { freeBytes, freeInodes } = lacking;
    const needed = { neededBytes: 1000, neededInodes: 10 };
    assert.deepEqual(error.data, { freeBytes, freeInodes, ...needed });
    for (const keep of ["keepPrevious", "keepFailed"] as const) {
      const kept = codeOf(() => replace({ inPlace: true, [keep]: true }));
      assert.equal(kept, "volume.no-room-to-keep", keep);
      assert.equal(
        codeOf(() => replace({ [keep]: true })),
        "volume.no-room",
        keep,
      );
    }
  }
});

const XDEV: Obstacle = { errno: 18, name: "lower", fileSystemType: "fuse.mergerfs" };
const IMMUTABLE: Obstacle = { errno: 1, name: "fixed", fileSystemType: "ext4" };

test("what cannot be renamed is removed in its place, where that is allowed and a way", () => {
  const clear = (obstacle: Obstacle | undefined, more: Partial<VolumeRestore> = {}): boolean =>
    clearsTheWay(request(more), obstacle);
  assert.equal(clear(undefined, { inPlace: true }), false);
  assert.equal(clear(XDEV, { inPlace: true }), true);
  const advice = [{ code: "restore-in-place", why: "immovable" }];
  assert.deepEqual(refused(() => clear(XDEV)).advice, advice);
  for (const keep of ["keepPrevious", "keepFailed"] as const) {
    const error = refused(() => clear(XDEV, { inPlace: true, [keep]: true }));
    assert.deepEqual(error.advice, [{ code: "keep-nothing" }]);
  }
  const part = refused(() => clear(XDEV, { paths: ["lower"] }));
  assert.deepEqual(part.advice, [{ code: "extract-and-copy" }]);
  const fixed = refused(() => clear(IMMUTABLE, { inPlace: true }));
  assert.match(fixed.message, /immutable/);
  assert.deepEqual(fixed.data, { errno: 1, path: "fixed" });
});

test("attributes of the root folder that cannot be replaced, mounts and unfinished work are refused", () => {
  refuseFixedAttributes(request(), files());
  refuseMounts("data", files());
  refuseUnfinished("data", files());
  const codes = [
    codeOf(() => refuseFixedAttributes(request(), files({ missingTool: "setfacl" }))),
    codeOf(() => refuseMounts("data", files({ mounted: "inner" }))),
    codeOf(() =>
      refuseUnfinished("data", files({ unfinished: [{ id: "0123", betweenOldAndNew: false }] })),
    ),
  ];
  assert.deepEqual(codes, ["volume.root-attributes", "volume.mount-inside", "volume.interrupted"]);
});

test("what is kept is not pushed out by what may fail, and not without a word by what succeeds", () => {
  const kept = { kept_at: "2026-01-01T00:00:00Z", replaced_by: "another" };
  const warnings = (more: Partial<VolumeRestore>, found = files({ kept })): readonly string[] => {
    const log = new FakeLog();
    refuseToPushOutKept(request(more), found, { log });
    return log.warnings;
  };
  assert.deepEqual(warnings({}), []);
  assert.deepEqual(warnings({ keepPrevious: true, keepFailed: true }, files()), []);
  for (const keep of [{ keepPrevious: true }, { keepFailed: true }]) {
    assert.equal(
      codeOf(() => warnings(keep)),
      "volume.keeps-contents",
    );
    assert.match(warnings({ ...keep, discardKept: true }).join(), /is removed (once|if)/);
  }
});

test("a volume is replaced in place only by itself", () => {
  const inPlace = request({ inPlace: true });
  refuseInPlaceAmongOthers([inPlace]);
  refuseInPlaceAmongOthers([request(), request()]);
  const code = codeOf(() => refuseInPlaceAmongOthers([request(), inPlace]));
  assert.equal(code, "restore.in-place-among-others");
});
