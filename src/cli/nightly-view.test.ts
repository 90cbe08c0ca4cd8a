import assert from "node:assert/strict";
import { test } from "node:test";
import type { Night } from "../app/nightly.ts";
import { DockformError } from "../errors.ts";
import { assuranceOf } from "../snapshot/assurance.ts";
import { nightlyText } from "./nightly-view.ts";

const MESSAGE = "there is not enough room in /srv/backup for a snapshot of mail: 3.2 GB are needed";

function failedNight(): Night {
  const before = {
    context: "default",
    volume: "mail",
    state: "stale",
    ageMs: 1,
    every: undefined,
    newest: undefined,
    unchangedAt: undefined,
    assurance: assuranceOf(undefined, undefined),
    damaged: [],
  } as const;
  const error = new DockformError("volume.no-room", MESSAGE);
  return {
    snapshots: [{ before, outcome: "failed", error }],
    pruning: [],
    freshness: [before],
  };
}

function shown(columns: number | undefined): readonly string[] {
  return nightlyText(failedNight(), false, { columns, paint: (_style, text) => text });
}

test("on a narrow terminal the reason of a failure goes on below and is not cut", () => {
  const lines = shown(50);
  assert.ok(lines.join(" ").replaceAll(/\s+/g, " ").includes(MESSAGE), lines.join("\n"));
});

test("one volume has a snapshot, several have one", () => {
  const expected = "0 of 1 declared volume has a snapshot that is fresh enough, or needs none";
  assert.equal(shown(undefined).at(-1), expected);
});
