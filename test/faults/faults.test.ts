/** The short form of `npm run test:faults`: one fault of each kind that no other test brings about. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { canStartPrivateEngine, startPrivateEngine } from "../engine/private-engine.ts";
import { Conductor } from "./conduct.ts";
import { describeFault, faultOf, kindOf, type Fault } from "./plan.ts";

/** Another one gives other faults: DOCKFORM_FAULT_SEED=7 npm test -- test/faults/faults */
const SEED = Number(process.env["DOCKFORM_FAULT_SEED"] ?? "3");
const TRIED = 2000;

const KINDS: readonly string[] = [
  "kill the client",
  "kill the helper",
  "kill the engine",
  "cut the power",
  "interrupt",
  "cut the connection",
  "flip a bit in the archive",
  "truncate in the archive",
  "flip a bit in the sidecar",
  "truncate in the sidecar",
  "recover and recover",
  "recover and a client whose helper died",
  "restore and restore",
];

/** The first of each kind, at a moment at which much is at stake. */
function chosen(): readonly (readonly [index: number, fault: Fault])[] {
  const faults = Array.from({ length: TRIED }, (_, i) => [i, faultOf(SEED, i)] as const);
  return KINDS.map((kind) => {
    const found = faults.find(([, fault]) => kindOf(fault) === kind && isTelling(fault));
    if (found === undefined) throw new Error(`no ${kind} among ${TRIED} faults`);
    return found;
  });
}

function isTelling(fault: Fault): boolean {
  if (fault.kind === "damage") return fault.when === "before";
  if (fault.kind === "race") return true;
  const { operation, moment } = fault;
  return operation === "restore" && "phase" in moment && ["swap", "start"].includes(moment.phase);
}

const skip = !canStartPrivateEngine() && "a private engine needs root on Linux";
const engine = skip === false ? await startPrivateEngine() : undefined;
const conductor = engine && new Conductor(engine);

after(async () => {
  await conductor?.[Symbol.asyncDispose]();
  await engine?.stop();
});

for (const [index, fault] of chosen()) {
  test(`${SEED}/${index}: ${describeFault(fault)}`, { skip }, async () => {
    assert.ok(conductor);
    const { problems, transcript } = await conductor.conduct(fault);
    const again = `npm run test:faults -- --seed ${SEED} --only ${index}`;
    assert.deepEqual(problems, [], [`again: ${again}`, ...transcript].join("\n"));
  });
}
