import assert from "node:assert/strict";
import { test } from "node:test";
import { shapeDifferences, specHash } from "./spec-hash.ts";

const plain = { driver: "local", driverOpts: {}, labels: {} };

test("the hash is the one that the original computes", () => {
  const labels = { "io.dockform.identifier": "myproject" };
  assert.equal(specHash({ ...plain, labels }), "5df65d76");
});

test("the order of options and labels does not matter, keys sort by their bytes", () => {
  const oneWay = { ...plain, driverOpts: { type: "nfs", o: "addr=1" }, labels: { b: "2", a: "1" } };
  const other = { ...plain, driverOpts: { o: "addr=1", type: "nfs" }, labels: { a: "1", b: "2" } };
  assert.equal(specHash(oneWay), specHash(other));
  // U+FF5E sorts behind U+1F600 by UTF-16 unit and before it by byte, as in Go.
  const labels = { "\u{1F600}": "x", "\uFF5E": "y" };
  assert.equal(specHash({ ...plain, labels }), "0b02aff8");
});

test("differences name the driver, the option and the label", () => {
  const there = { driver: "local", driverOpts: { type: "nfs" }, labels: { tier: "a", same: "s" } };
  const here = { driver: "other", driverOpts: {}, labels: { tier: "b", same: "s" } };
  assert.deepEqual(shapeDifferences(there, here), [
    'driver: "local" there, "other" here',
    'option type: "nfs" there, not set here',
    'label tier: "a" there, "b" here',
  ]);
  assert.deepEqual(shapeDifferences(there, there), []);
});
