/** A client that dies at any moment while it holds containers, and another one that comes after it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FakeClient } from "../../test/fakes/client.ts";
import { FakeEngine } from "../../test/fakes/engine.ts";
import { FakeLedger } from "../../test/fakes/ledger.ts";
import { FakeLog } from "../../test/fakes/surroundings.ts";
import { listContainers } from "../engine/containers.ts";
import { StoppedContainers } from "./stopped.ts";
import { usersAmong } from "./users.ts";

interface User {
  readonly state: "created" | "running" | "paused";
  readonly restart: string;
}

const users = fc.array(
  fc.record<User>({
    state: fc.constantFrom("created", "running", "paused"),
    restart: fc.constantFrom("no", "always", "on-failure", "unless-stopped"),
  }),
  { minLength: 1, maxLength: 4 },
);

function prepare(all: readonly User[]): FakeEngine {
  const engine = new FakeEngine();
  engine.createVolume("data");
  for (const [i, { state, restart }] of all.entries()) {
    const { id } = engine.createContainer(`user-${i}`, {
      Image: "app:1",
      HostConfig: {
        RestartPolicy: { Name: restart, MaximumRetryCount: 0 },
        Mounts: [{ Type: "volume", Source: "data", Target: "/data" }],
      },
    });
    if (state !== "created") engine.startContainer(id);
    if (state === "paused") engine.pauseContainer(id);
  }
  return engine;
}

function standing(engine: FakeEngine): unknown {
  return [...engine.containers.values()].map(({ name, state, restartPolicy }) => [
    name,
    state,
    restartPolicy.Name,
  ]);
}

/** Holds the containers and lets them go again, as an operation does that has nothing else to do. */
async function holdAndLetGo(client: FakeClient, ledger: FakeLedger): Promise<void> {
  const volume = { name: "data", driver: "local", driverOpts: {}, labels: {}, mountpoint: "" };
  const found = usersAmong(await listContainers(client), volume);
  const stopped = new StoppedContainers(client, ledger, new FakeLog());
  await stopped.stop(found, () => Promise.resolve());
  await stopped.startAll();
  await stopped.forget();
}

/** Ends a client at a moment of its calls; resolves when it is dead, or has come to its end. */
async function untilDeath(
  client: FakeClient,
  moment: number,
  act: () => Promise<void>,
): Promise<"died" | "ended"> {
  const dead = Promise.withResolvers<"died">();
  let moments = 0;
  client.gate = () => {
    moments += 1;
    if (moments < moment) return;
    client.die();
    dead.resolve("died");
  };
  return Promise.race([dead.promise, act().then(() => "ended" as const)]);
}

test("whenever it dies, containers run in the end as before, and no record is left", async () => {
  let deaths = 0;
  const moments = fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(users, moments, fc.scheduler(), async (all, [first = 1, ...more], s) => {
      const engine = prepare(all);
      const before = standing(engine);
      const ledger = new FakeLedger("data");
      engine.stopTakes = () => s.schedule(Promise.resolve());
      const client = new FakeClient(engine);
      const ending = untilDeath(client, first, () => holdAndLetGo(client, ledger));
      if ((await s.waitFor(ending)) === "died") deaths += 1;
      // Recoveries may die as well.
      for (const moment of [...more, Number.POSITIVE_INFINITY]) {
        const next = new FakeClient(engine);
        const recover = async (): Promise<void> => {
          const stopped = StoppedContainers.ofRecords(next, ledger, ledger.found(), new FakeLog());
          const outcomes = await stopped.startAll();
          assert.ok(outcomes.every(({ outcome }) => outcome === "started"));
          await stopped.forget();
        };
        await s.waitFor(untilDeath(next, moment, recover));
      }
      await s.waitAll();
      assert.deepEqual(standing(engine), before);
      assert.deepEqual(ledger.found(), []);
    }),
    { numRuns: 400, seed: Number(process.env["DOCKFORM_TEST_SEED"] ?? 1) },
  );
  assert.ok(deaths > 100, `${deaths} deaths`);
});
