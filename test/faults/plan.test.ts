import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { describeFault, faultOf, kindOf, PHASES, RACES, type Fault } from "./plan.ts";

const COUNT = 3000;

function plan(seed: number, count = COUNT): readonly Fault[] {
  return Array.from({ length: count }, (_, i) => faultOf(seed, i));
}

test("a fault depends on seed and number alone", () => {
  fc.assert(
    fc.property(fc.integer(), fc.nat(), (seed, index) => {
      assert.deepEqual(faultOf(seed, index), faultOf(seed, index));
    }),
  );
});

test("another seed gives other faults", () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      assert.notDeepEqual(plan(seed, 20), plan(seed + 1, 20));
      assert.notDeepEqual(faultOf(seed, 0), faultOf(seed, 1));
    }),
  );
});

test("every kind, phase, operation, race and place occurs", () => {
  const faults = plan(1);
  const kinds = new Set(faults.map(kindOf));
  for (const race of RACES) assert.ok(kinds.has(race), race);
  assert.equal(kinds.size, 11 + 4 + RACES.length);
  const strikes = faults.filter((fault) => fault.kind === "strike");
  const phases = new Set(
    strikes.flatMap(({ moment }) => ("phase" in moment ? [moment.phase] : [])),
  );
  assert.deepEqual([...phases].toSorted(), PHASES.toSorted());
  assert.equal(new Set(strikes.map(({ operation }) => operation)).size, 8);
  const damages = faults.filter((fault) => fault.kind === "damage");
  assert.equal(new Set(damages.map(({ file, place }) => `${file} ${place}`)).size, 7 + 6 + 16 + 2);
});

test("a phase is one that the command goes through", () => {
  const strikes = plan(5).filter((fault) => fault.kind === "strike");
  for (const { operation, moment } of strikes) {
    if (!("phase" in moment)) continue;
    assert.ok(!["snapshot", "recover"].includes(operation));
    assert.equal(
      ["clear", "safety"].includes(moment.phase) ? operation : "restore --in-place",
      "restore --in-place",
    );
    assert.ok(moment.phase !== "swap" || operation !== "restore --in-place");
  }
});

test("every ground occurs, with what can be done there", () => {
  const faults = plan(4);
  assert.deepEqual(
    [...new Set(faults.map(({ ground }) => ground))].toSorted(),
    GROUNDS_KNOWN.toSorted(),
  );
  for (const fault of faults) {
    const isUnrenamable = ["lower", "branches"].includes(fault.ground);
    assert.ok(!isUnrenamable || fault.kind === "strike", describeFault(fault));
    if (fault.kind !== "strike") continue;
    const { ground, operation, blow } = fault;
    assert.ok(!isUnrenamable || operation === "restore --in-place", describeFault(fault));
    const ends = ["kill the engine", "cut the power"];
    assert.ok(ground !== "memory" || !ends.includes(blow), describeFault(fault));
    if (blow === "cut the power" && ground !== "cramped") {
      assert.ok(["small", "xfs", "btrfs"].includes(ground), describeFault(fault));
    }
  }
});

const GROUNDS_KNOWN = "roomy small cramped xfs btrfs overlay lower mergerfs branches memory".split(
  " ",
);

test("no fault asks for what cannot be noticed", () => {
  for (const fault of plan(2)) {
    if (fault.kind !== "damage" || fault.vouchedFor) continue;
    assert.equal(fault.file, "archive");
    assert.ok(fault.format === "tar.zst" || fault.how === "truncate", describeFault(fault));
  }
});

test("faults are told apart by their description", () => {
  const faults = plan(3, 500);
  const described = new Set(faults.map(describeFault));
  assert.ok(described.size > 490, String(described.size));
});
