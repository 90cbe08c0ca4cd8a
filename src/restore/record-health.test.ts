import assert from "node:assert/strict";
import { test } from "node:test";
import { House } from "../../test/fakes/house.ts";
import { putSnapshot } from "../../test/fakes/stored.ts";
import { DockformError } from "../errors.ts";
import type { Sidecar } from "../snapshot/sidecar.ts";
import type { ContainerOutcome } from "../workload/stopped.ts";
import { recordingHealth } from "./record-health.ts";
import type { RestoreRequest } from "./request.ts";
import { UnhealthyError } from "./watch.ts";

const UNHEALTHY = new UnhealthyError([], { hint: "", advice: [] });

const STARTED: ContainerOutcome = {
  id: "1",
  name: "app",
  paused: false,
  outcome: "started",
  problem: undefined,
  downtimeMs: 0,
  stoppingMs: 0,
  swappingMs: 0,
  startingMs: 0,
};

interface Story {
  /** What the sidecar says before; `undefined` where there is none. */
  readonly sidecar?: Partial<Sidecar> | undefined;
  /** What the restore fails with. */
  readonly error?: Error;
  readonly containers?: readonly ContainerOutcome[];
  readonly request?: Partial<RestoreRequest>;
  readonly amendFailure?: DockformError;
}

/** What the sidecar says after a restore. */
async function after({ sidecar, error, containers = [], request, amendFailure }: Story) {
  const house = await House.build();
  const { store, tools } = house;
  const here = { context: undefined, volume: "data" };
  const snapshot = putSnapshot(store, here, "2026-11-23T12:00:00Z", sidecar);
  store.amendFailure = amendFailure;
  const { archivePath } = snapshot;
  const run = recordingHealth(
    house.request({ archivePath, healthTimeoutMs: 5000, ...request }),
    () => sidecar,
    tools,
    async () => {
      if (error !== undefined) throw error;
      return { containers };
    },
  );
  if (error === undefined) await run;
  else await assert.rejects(run, (thrown) => thrown === error);
  const described = await store.describe(snapshot);
  return {
    at: described.sidecar?.unhealthy_at,
    problem: described.problem,
    warnings: tools.log.warnings,
  };
}

test("a snapshot on which containers were not healthy is marked so, and is no worse otherwise", async () => {
  assert.deepEqual(await after({ sidecar: {}, error: UNHEALTHY }), {
    at: "2026-01-02T03:04:05Z",
    problem: undefined,
    warnings: [],
  });
});

test("any other failure says nothing of the snapshot, nor has one without a sidecar a mark", async () => {
  assert.equal((await after({ sidecar: {}, error: new Error("no engine") })).at, undefined);
  assert.equal((await after({ error: UNHEALTHY })).at, undefined);
});

const MARKED = { unhealthy_at: "2026-01-01T00:00:00Z" };

test("the mark is taken away by a restore on which all containers are healthy", async () => {
  const { at, warnings } = await after({ sidecar: MARKED, containers: [STARTED] });
  assert.deepEqual([at, warnings], [undefined, []]);
});

test("it stays where none was watched, where one did not start, and after a restore of a part", async () => {
  const failed: ContainerOutcome = { ...STARTED, outcome: "failed", problem: "no port" };
  const stories: readonly Story[] = [
    { containers: [] },
    { containers: [STARTED], request: { healthTimeoutMs: 0 } },
    { containers: [STARTED, failed] },
    { containers: [STARTED], request: { paths: ["a"] } },
  ];
  for (const story of stories) {
    const { at } = await after({ sidecar: MARKED, ...story });
    assert.equal(at, MARKED.unhealthy_at, JSON.stringify(story));
  }
});

test("that it cannot be recorded is a warning", async () => {
  const amendFailure = new DockformError("sidecar.unwritable", "read-only");
  const marking = await after({ sidecar: {}, error: UNHEALTHY, amendFailure });
  assert.match(marking.warnings.join(), /cannot record that .* failed: read-only/);
  const clearing = await after({ sidecar: MARKED, containers: [STARTED], amendFailure });
  assert.match(clearing.warnings.join(), /cannot record that .* is healthy: read-only/);
});
