import assert from "node:assert/strict";
import { test } from "node:test";
import { DockformError } from "../errors.ts";
import { formatSidecar, parseSidecar, storedChecksum } from "./sidecar.ts";

const original = {
  dockform_version: "0.9.0",
  created_at: "2026-01-02T03:04:05Z",
  volume_name: "myapp_data",
  spec_hash: "5df65d76",
  driver: "local",
  driver_opts: null,
  labels: { "io.dockform.identifier": "myproject" },
  uncompressed_bytes: 10240,
  file_count: 3,
  checksum: { algo: "sha256", tar_zst: "ab".repeat(32) },
};

const parse = (value: unknown): ReturnType<typeof parseSidecar> =>
  parseSidecar(JSON.stringify(value), "X.json");

function refusal(json: string): DockformError {
  try {
    parseSidecar(json, "X.json");
  } catch (error) {
    assert.ok(error instanceof DockformError);
    assert.equal(error.kind, "integrity");
    return error;
  }
  throw new assert.AssertionError({ message: `accepted: ${json}` });
}

test("the original's sidecar is read, its null options as none", () => {
  const sidecar = parse(original);
  assert.deepEqual(sidecar.driver_opts, {});
  assert.equal(storedChecksum(sidecar, "tar.zst"), "ab".repeat(32));
});

test("a field that this version does not know is kept and ignored", () => {
  const sidecar = parse({ ...original, from_the_future: { a: 1 } });
  assert.deepEqual(parse(JSON.parse(formatSidecar(sidecar))), sidecar);
});

test("each field that is missing or of another type is refused by name", () => {
  for (const field of Object.keys(original)) {
    if (field === "driver_opts" || field === "labels") continue;
    const without = Object.fromEntries(Object.entries(original).filter(([key]) => key !== field));
    assert.match(refusal(JSON.stringify(without)).message, new RegExp(field), field);
    const wrong = { ...original, [field]: [] };
    assert.match(refusal(JSON.stringify(wrong)).message, new RegExp(field), field);
  }
});

test("malformed is never the same as absent", () => {
  for (const json of ["", "{", JSON.stringify(original).slice(0, -1)]) {
    assert.match(refusal(json).message, /X\.json is not valid: it is not JSON$/, json);
  }
  for (const json of ["null", "[]", '"text"', "1"]) {
    assert.match(refusal(json).message, /X\.json is not valid: it is not a JSON object$/, json);
  }
});

test("a checksum that is no SHA-256 and a newer format are refused", () => {
  const short = { ...original, checksum: { algo: "sha256", tar_zst: "abc" } };
  assert.match(refusal(JSON.stringify(short)).message, /checksum\.tar_zst/);
  const md5 = { ...original, checksum: { algo: "md5", tar_zst: "ab".repeat(32) } };
  assert.match(refusal(JSON.stringify(md5)).message, /checksum\.algo/);
  assert.match(refusal(JSON.stringify({ ...original, format_version: 2 })).message, /newer/);
});

test("the checksum of the other format is none", () => {
  assert.equal(storedChecksum(parse(original), "tar"), undefined);
  const empty = parse({ ...original, checksum: { algo: "sha256", tar_zst: "" } });
  assert.equal(storedChecksum(empty, "tar.zst"), undefined);
});

test("a sidecar of many levels is refused before anything is made of it", () => {
  const nested = (levels: number): string =>
    JSON.stringify({ ...original, extra: 0 }).replace(
      '"extra":0',
      `"extra":${"[".repeat(levels - 1)}${"]".repeat(levels - 1)}`,
    );
  assert.equal(parseSidecar(nested(64), "X.json").volume_name, "myapp_data");
  assert.match(refusal(nested(65)).message, /X\.json is not valid: it has more than 64 levels$/);
  assert.match(refusal("[".repeat(1e6)).message, /more than 64 levels$/);
  // Within a text they are none.
  const notes = `${"[{".repeat(100)}\\"`;
  assert.equal(parse({ ...original, notes }).notes, notes);
});
