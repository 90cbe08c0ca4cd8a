import assert from "node:assert/strict";
import { test } from "node:test";
import { sampleSidecar } from "../../test/contract/sidecar.ts";
import { formatTime } from "../format.ts";
import { assuranceOf } from "./assurance.ts";
import type { Sidecar } from "./sidecar.ts";

const [EARLIER, LATER] = ["2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"];

/** As `verified proven damaged unhealthy`, with `-` for what does not hold. */
function assurance(fields: Partial<Sidecar>, problem?: string): string {
  const found = assuranceOf(sampleSidecar(fields), problem);
  const { verifiedAt, provenAt, damagedAt, unhealthyAt } = found;
  return [verifiedAt, provenAt, damagedAt, unhealthyAt]
    .map((at) => (at === undefined ? "-" : formatTime(at)))
    .join(" ");
}

test("what was found holds as long as the snapshot can be trusted", () => {
  const found = { verified_at: EARLIER, proven_at: LATER };
  assert.equal(assurance(found), `${EARLIER} ${LATER} - -`);
  assert.equal(assurance(found, "its data file is empty"), "- - - -");
  assert.equal(assurance({ ...found, damaged_at: LATER }, "damaged"), `- - ${LATER} -`);
  assert.equal(assurance({}), "- - - -");
  assert.deepEqual(assuranceOf(undefined, "no sidecar"), {
    verifiedAt: undefined,
    provenAt: undefined,
    damagedAt: undefined,
    unhealthyAt: undefined,
  });
});

test("of a drill and of containers that were not healthy the later one counts", () => {
  assert.equal(assurance({ proven_at: LATER, unhealthy_at: EARLIER }), `- ${LATER} - -`);
  assert.equal(assurance({ proven_at: EARLIER, unhealthy_at: LATER }), `- - - ${LATER}`);
  assert.equal(assurance({ proven_at: LATER, unhealthy_at: LATER }), `- - - ${LATER}`);
});
