import assert from "node:assert/strict";
import { test } from "node:test";

import { testEngine } from "../engine/test-engine.ts";
import { EngineApi } from "./engine-api.ts";
import { cannotUnpackPackages } from "./packages.ts";
import { importPostgres, POSTGRES_DATA } from "./postgres.ts";

const { host, skip: noEngine } = await testEngine();
const skip = noEngine || cannotUnpackPackages();
const READY_TIMEOUT_MS = 60_000;

const sql = (query: string): string[] => ["psql", "-U", "postgres", "-Atc", query];

test("PostgreSQL", { skip }, async (t) => {
  await using image = await importPostgres(host);
  const { reference } = image;
  await t.test("answers, and keeps its data in the volume", () => keepsItsData(reference));
  await t.test("refuses a data directory of the wrong mode or owner", () =>
    refusesWrongOwnerOrMode(reference),
  );
});

async function keepsItsData(image: string): Promise<void> {
  const engine = new EngineApi(host);
  await using volume = await engine.volume();
  const options = { image, mounts: { [volume.name]: POSTGRES_DATA } };
  {
    await using server = await engine.container(options);
    await server.execUntilSuccess(sql("CREATE TABLE t AS SELECT 'kept' AS v"), READY_TIMEOUT_MS);
    await server.stop();
    assert.match((await server.logs()).stderr, /database system is shut down/);
  }
  {
    await using server = await engine.container(options);
    const answer = await server.execUntilSuccess(sql("SELECT v FROM t"), READY_TIMEOUT_MS);
    assert.equal(answer.stdout, "kept\n");
    const zone = await server.exec(
      sql("SELECT '2026-07-01 12:00+00'::timestamptz AT TIME ZONE 'Europe/Berlin'"),
    );
    assert.equal(zone.stdout, "2026-07-01 14:00:00\n");
  }
}

async function refusesWrongOwnerOrMode(image: string): Promise<void> {
  const engine = new EngineApi(host);
  await using volume = await engine.volume();
  const options = { image, mounts: { [volume.name]: POSTGRES_DATA } };
  const before = [
    `chmod 755 ${POSTGRES_DATA}`,
    `chmod 700 ${POSTGRES_DATA} && chown 0 ${POSTGRES_DATA}`,
    `chmod 777 ${POSTGRES_DATA}`,
  ];
  {
    await using server = await engine.container(options);
    await server.execUntilSuccess(sql("SELECT 1"), READY_TIMEOUT_MS);
    await server.stop();
  }
  const refusals: string[] = [];
  for (const command of before) {
    const entrypoint = ["/bin/sh", "-c", command];
    const changed = await engine.run({ ...options, user: "0", entrypoint });
    assert.equal(changed.exitCode, 0, changed.stderr);
    const output = await engine.run(options);
    assert.equal(output.exitCode, 1);
    refusals.push(output.stderr);
  }
  assert.match(refusals[0] ?? "", /data directory ".*" has invalid permissions/);
  assert.match(refusals[1] ?? "", /could not (?:access|open|change)|Permission denied/);
  assert.match(refusals[2] ?? "", /data directory ".*" has wrong ownership/);
}
