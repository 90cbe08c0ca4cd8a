import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { hardened, type ContainerPurpose } from "./container.ts";

const SOURCES = join(import.meta.dirname, "..");
/** An attribute of a definition that is made there, and not handed on, nor that of an engine's answer. */
const DEFINITION = /^\s+(?:Image: (?!text)|HostConfig: \{$)|\{ Image: (?!text)/m;

test("containers are defined in one place, but for those that are others' in a drill", () => {
  const files = readdirSync(SOURCES, { recursive: true, encoding: "utf8" }).filter(
    (name) => name.endsWith(".ts") && !name.endsWith(".test.ts"),
  );
  const defining = files.filter((name) =>
    DEFINITION.test(readFileSync(join(SOURCES, name), "utf8")),
  );
  assert.deepEqual(defining.toSorted(), [
    "drill/copy.ts",
    // Of what a person asked to be started.
    "drill/subject.ts",
    "helper/container.ts",
  ]);
});

test("what is not asked for is not given", () => {
  const purpose: ContainerPurpose = {
    image: "image",
    entrypoint: ["sh"],
    labels: {},
    mounts: [],
    pidsLimit: 16,
  };
  const { HostConfig, ...definition } = hardened(purpose);
  assert.deepEqual(HostConfig, {
    AutoRemove: false,
    NetworkMode: "none",
    IpcMode: "none",
    ReadonlyRootfs: true,
    CapDrop: ["ALL"],
    CapAdd: [],
    SecurityOpt: ["no-new-privileges"],
    PidsLimit: 16,
    LogConfig: { Type: "none" },
    Mounts: [],
  });
  assert.equal(definition["User"], "0:0");
  assert.equal(definition["NetworkDisabled"], true);
  assert.equal("OpenStdin" in definition, false);
});
