import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Layout } from "./layout.ts";
import { entryPath } from "./path.ts";

/** A slash at the end makes a folder. */
function layoutOf(paths: readonly string[]): Layout {
  const layout = new Layout();
  for (const path of paths) layout.add(entryPath(path), path.endsWith("/") ? "folder" : "file");
  return layout;
}

function commonOf(...paths: readonly string[]): string {
  return layoutOf(paths).common.join("/");
}

test("everything lies in one folder, however its path is spelled", () => {
  assert.equal(commonOf("/backup/", "/backup/db/", "/backup/db/a", "/backup/db/b/"), "backup/db");
  assert.equal(commonOf("backup/db/a", "./backup/db/b/c"), "backup/db");
  assert.equal(commonOf("vackup-volume/", "vackup-volume/a"), "vackup-volume");
  assert.equal(commonOf("a/b/c/d/e"), "a/b/c/d");
});

test("a folder in which nothing lies holds everything if nothing lies beside it", () => {
  assert.equal(commonOf("vackup-volume/"), "vackup-volume");
  assert.equal(commonOf("a/", "a/b/", "a/b/c/"), "a/b/c");
  assert.equal(commonOf("a/", "a/b/", "a/c/"), "a");
});

test("what lies at the top is in no folder", () => {
  assert.equal(commonOf("file"), "");
  assert.equal(commonOf("a/b", "file"), "");
  assert.equal(commonOf("a/b", "c/"), "");
  assert.equal(commonOf(), "");
});

test("the root's own entry is told apart, by whatever name", () => {
  for (const root of ["./", ".", "/"]) {
    const layout = layoutOf([root, "./data/", "./data/file"]);
    assert.equal(layout.hasRoot, true, root);
    assert.deepEqual(layout.common, ["data"]);
  }
  assert.equal(layoutOf(["data/file"]).hasRoot, false);
});

test("some of what the folder holds is named, folders as folders", () => {
  const names = (paths: readonly string[]): unknown => Object.fromEntries(layoutOf(paths).names);
  assert.deepEqual(names(["backup/a/x", "backup/b/"]), { a: "folder", b: "folder" });
  assert.deepEqual(names(["x/a", "x/b/c"]), { a: "other", b: "folder" });
  assert.deepEqual(names(["x/"]), {});
  assert.equal(layoutOf(Array.from({ length: 100 }, (_, i) => `x/${i}`)).names.size, 6);
});

test("the folder is the longest that holds each entry, in whatever order they come", () => {
  const segment = fc.constantFrom("a", "b");
  const path = fc
    .tuple(fc.array(segment, { minLength: 1, maxLength: 4 }), fc.boolean())
    // Names of folders and files differ, as they do in a file system.
    .map(([parts, isFolder]) => (isFolder ? `${parts.join("/")}/` : `${parts.join("/")}.f`));
  fc.assert(
    fc.property(fc.array(path, { minLength: 1 }), (paths) => {
      const folders = paths.map((each) => each.split("/").slice(0, -1));
      const isInner = (folder: readonly string[]): boolean =>
        paths.some((each) => {
          const parts = each.replace(/\/$/, "").split("/");
          return parts.length > folder.length && folder.every((part, i) => parts[i] === part);
        });
      // A folder with something in it says nothing that this does not say.
      const leaves = folders.filter((folder, i) => !(paths[i]?.endsWith("/") && isInner(folder)));
      const [first = []] = leaves;
      const length = first.findIndex((part, i) => leaves.some((leaf) => leaf[i] !== part));
      const expected = first.slice(0, length < 0 ? undefined : length);
      assert.deepEqual(layoutOf(paths).common, expected);
    }),
  );
});
