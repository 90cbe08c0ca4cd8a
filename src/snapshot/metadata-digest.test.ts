import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { MetadataDigest } from "./metadata-digest.ts";

function record(
  path: string,
  fields: { device?: number; ctime?: string; link?: string } = {},
): string {
  const { device = 8, ctime = "1700000000.0000000001", link = "" } = fields;
  return `${device} ${ctime} 1700000000.5 f 644 0 0 17 1 5 ${path}\0${link}\0`;
}

function digestOf(text: string, chunkBytes = 1 << 16): MetadataDigest {
  const digest = new MetadataDigest();
  const bytes = Buffer.from(text);
  const buffer = new Uint8Array(chunkBytes);
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    const part = bytes.subarray(at, at + chunkBytes);
    buffer.set(part);
    digest.update(buffer.subarray(0, part.length));
    buffer.fill(0xff);
  }
  return digest;
}

const path = fc.string({ unit: "binary", maxLength: 20 }).map((text) => text.replaceAll("\0", ""));

test("order and chunks make no difference, any other change does", () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(path, { minLength: 2, maxLength: 10 }),
      fc.integer({ min: 1, max: 40 }),
      fc.nat(),
      (paths, chunkBytes, which) => {
        const records = paths.map((each) => record(each));
        const value = digestOf(records.join("")).value("boot");
        assert.equal(digestOf(records.toReversed().join(""), chunkBytes).value("boot"), value);
        assert.match(value, /^[0-9a-f]{64}$/);
        const at = which % records.length;
        const changed = records.with(
          at,
          record(paths[at] ?? "", { ctime: "1700000000.0000000002" }),
        );
        assert.notEqual(digestOf(changed.join("")).value("boot"), value);
        assert.notEqual(digestOf(records.toSpliced(at, 1).join("")).value("boot"), value);
        assert.notEqual(
          digestOf([...records, ...records.slice(at, at + 1)].join("")).value("boot"),
          value,
        );
      },
    ),
  );
});

test("another boot of the kernel makes another fingerprint, another device number does not", () => {
  const digest = digestOf(record("a"));
  assert.notEqual(digest.value("one"), digest.value("two"));
  assert.equal(digestOf(record("a", { device: 9 })).value("one"), digest.value("one"));
});

test("where a symbolic link points is part of it", () => {
  const value = (link: string): string => digestOf(record("a", { link })).value("boot");
  assert.notEqual(value("here"), value("there"));
  assert.notEqual(
    digestOf(record("ab", { link: "c" })).value(""),
    digestOf(record("a", { link: "bc" })).value(""),
  );
});

test("it knows the newest change, the number of file systems and whether it is complete", () => {
  const digest = digestOf(
    record("a", { ctime: "5.25" }) + record("b", { ctime: "7.5", device: 9 }),
  );
  assert.equal(digest.newestChangeSeconds, 7.5);
  assert.equal(digest.devices, 2);
  assert.equal(digest.incomplete, false);
  assert.equal(digestOf("").incomplete, true);
  assert.equal(digestOf(`${record("a")}8 5.25 rest`).incomplete, true);
  assert.ok(
    Number.isNaN(digestOf(record("a", { ctime: "%C@" }) + record("b")).newestChangeSeconds),
  );
});
