import assert from "node:assert/strict";
import { test } from "node:test";
import { DockformError } from "../errors.ts";
import type { Manifest } from "./manifest.ts";
import { parseManifest } from "./parse.ts";
import { findContext, parseVolumeReference, resolveVolumeReference } from "./reference.ts";

function manifest(text: string): Manifest {
  return parseManifest(text, { file: "dockform.yml", env: {} }).manifest;
}

function usageError(message: RegExp | string, hint: RegExp | string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof DockformError);
    assert.equal(error.kind, "usage");
    assert.match(error.message, new RegExp(message));
    assert.match(error.hint ?? "", new RegExp(hint));
    return true;
  };
}

const TWO = manifest(
  "contexts: { default: { volumes: { xx: , shared: } }, hetzner-two: { volumes: { yy: , shared: } } }",
);
const ONE = manifest("docker: { context: default }\nvolumes: { xx: }");
const ENVIRONMENT = manifest("volumes: { xx: }");

test("a reference is a volume, or a context and a volume", () => {
  assert.deepEqual(parseVolumeReference("data"), { context: undefined, volume: "data" });
  assert.deepEqual(parseVolumeReference("a+b/data.x"), { context: "a+b", volume: "data.x" });
});

test("a reference with a bad name says which and how to write it", () => {
  const form = /Write it as "volume" or "context\/volume"/;
  const cases: readonly (readonly [string, RegExp])[] = [
    ["", /^"" is not a volume name/],
    ["a b", /^"a b" is not a volume name \(\[/],
    ["default/", /^"" in "default\/" is not a volume name/],
    ["/data", /^"" in "\/data" is not a context name/],
    ["a/b/c", /^"a\/b" in "a\/b\/c" is not a context name/],
    ["data\n", /^"data\uFFFD" is not a volume name/],
  ];
  for (const [text, message] of cases) {
    assert.throws(() => parseVolumeReference(text), usageError(message.source, form.source));
  }
});

test("a named context is taken, whether or not it declares the volume", () => {
  const resolved = resolveVolumeReference(TWO, { context: "default", volume: "new" });
  assert.equal(resolved, TWO.contexts[0]);
  const chosen = resolveVolumeReference(TWO, parseVolumeReference("shared"), "hetzner-two");
  assert.equal(chosen, TWO.contexts[1]);
  assert.equal(
    resolveVolumeReference(TWO, parseVolumeReference("default/xx"), "default"),
    TWO.contexts[0],
  );
});

test("without a name it is the only context that declares the volume", () => {
  assert.equal(resolveVolumeReference(TWO, parseVolumeReference("yy")), TWO.contexts[1]);
});

test("without a name it is the only context there is, declared volume or not", () => {
  assert.equal(resolveVolumeReference(ONE, parseVolumeReference("other")), ONE.contexts[0]);
});

test("a volume that several contexts declare must be said with its context", () => {
  assert.throws(
    () => resolveVolumeReference(TWO, parseVolumeReference("shared")),
    (error) => {
      assert.ok(error instanceof DockformError);
      assert.deepEqual(error.data, { candidates: ["default/shared", "hetzner-two/shared"] });
      return usageError(
        'several contexts declare the volume "shared"',
        "^Say which is meant: default/shared, hetzner-two/shared\\.$",
      )(error);
    },
  );
});

test("a volume that no context of several declares must be said with its context", () => {
  assert.throws(
    () => resolveVolumeReference(TWO, parseVolumeReference("share")),
    usageError(
      'no context declares the volume "share"; did you mean "shared"\\?$',
      "default/share, hetzner-two/share",
    ),
  );
});

test("an unknown context is an error that names the near miss and what there is", () => {
  assert.throws(
    () => resolveVolumeReference(TWO, parseVolumeReference("hetzner-tow/yy")),
    usageError(
      '^no context "hetzner-tow" in dockform.yml; did you mean "hetzner-two"\\?$',
      "^It declares default, hetzner-two\\.$",
    ),
  );
  assert.throws(() => findContext(ONE, "else"), usageError('no context "else"', "default"));
});

test("a reference and a chosen context that disagree are an error", () => {
  assert.throws(
    () => resolveVolumeReference(TWO, parseVolumeReference("default/xx"), "hetzner-two"),
    usageError('"default/xx" is not in the chosen context "hetzner-two"', "once"),
  );
});

test("a manifest that leaves its context to the environment takes any name", () => {
  assert.equal(
    resolveVolumeReference(ENVIRONMENT, parseVolumeReference("xx")),
    ENVIRONMENT.contexts[0],
  );
  const named = resolveVolumeReference(ENVIRONMENT, parseVolumeReference("remote/xx"));
  assert.equal(named.name, "remote");
  assert.ok(named.volumes.has("xx"));
});
