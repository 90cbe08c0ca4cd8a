import assert from "node:assert/strict";
import { test } from "node:test";
import { nearest } from "./nearest.ts";

const KEYS = ["docker", "volumes", "contexts", "driver", "driver_opts", "labels"];

test("a missing, added, wrong or swapped letter finds the name that was meant", () => {
  assert.equal(nearest("volums", KEYS), "volumes");
  assert.equal(nearest("volumess", KEYS), "volumes");
  assert.equal(nearest("volymes", KEYS), "volumes");
  assert.equal(nearest("volmues", KEYS), "volumes");
  assert.equal(nearest("dirver", ["drivel", "driver"]), "driver");
});

test("of a short name one letter may be wrong, or two neighbours swapped", () => {
  assert.equal(nearest("hsot", ["host"]), "host");
  assert.equal(nearest("ohst", ["host"]), "host");
  assert.equal(nearest("hots", ["host"]), "host");
  for (const name of ["htos", "thso", "xsot", "hsox"]) {
    assert.equal(nearest(name, ["host"]), undefined);
  }
});

test("case and the kind of separator do not count", () => {
  assert.equal(nearest("DRIVER-OPTS", KEYS), "driver_opts");
  assert.equal(nearest("driverOpts", KEYS), "driver_opts");
});

test("the nearest of several wins", () => {
  assert.equal(nearest("driver_opt", KEYS), "driver_opts");
  assert.equal(nearest("drivers", ["driver", "drivexx"]), "driver");
  assert.equal(nearest("driver", ["drivera", "driverb"]), "drivera");
});

test("a name that resembles nothing finds nothing", () => {
  assert.equal(nearest("services", KEYS), undefined);
  assert.equal(nearest("a", ["b"]), undefined);
  assert.equal(nearest("", KEYS), undefined);
  assert.equal(nearest("volumes", []), undefined);
});

test("more than a third of wrong letters is too much", () => {
  assert.equal(nearest("abcxyz", ["abcdef"]), undefined);
  assert.equal(nearest("abcdyz", ["abcdef"]), "abcdef");
});
