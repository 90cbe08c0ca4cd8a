import assert from "node:assert/strict";
import { test } from "node:test";
import { testEngine } from "../../engine/test-engine.ts";
import { EngineApi, type Container } from "../../images/engine-api.ts";
import { cannotUnpackPackages } from "../../images/packages.ts";
import { PAX, TAR_FS } from "../../fixtures/packers.ts";
import { importPostgres, POSTGRES_DATA } from "../../images/postgres.ts";
import { Sandbox } from "../harness.ts";

const { host, skip: noEngine } = await testEngine();
const skip = noEngine || cannotUnpackPackages();
const READY_TIMEOUT_MS = 60_000;

/** Accounts whose balances add up to nothing, with what PostgreSQL keeps beside a table. */
const SCHEMA = `
  CREATE TABLE accounts (id int PRIMARY KEY, owner text NOT NULL, balance int NOT NULL);
  INSERT INTO accounts
    SELECT n, md5(n::text), CASE WHEN n % 2 = 0 THEN n ELSE -(n + 1) END
    FROM generate_series(1, 20000) AS n;
  CREATE INDEX accounts_owner ON accounts (owner);
  CREATE SEQUENCE invoices START 41 INCREMENT 7;
  CREATE TABLE notes (body text);
  INSERT INTO notes SELECT repeat('a long note ', 5000);
  CREATE VIEW rich AS SELECT * FROM accounts WHERE balance > 19990;`;

const QUESTIONS = [
  "SELECT count(*), sum(balance), md5(string_agg(owner, ',' ORDER BY id)) FROM accounts",
  "SET enable_seqscan = off; SELECT id FROM accounts WHERE owner = md5('777')",
  "SELECT start_value, increment_by FROM pg_sequences WHERE sequencename = 'invoices'",
  "SELECT count(*), md5(string_agg(body, '')) FROM notes",
  "SELECT id, balance FROM rich ORDER BY id",
];

/** Afterwards most questions have another answer or none. */
const DAMAGE = `
  DROP TABLE accounts CASCADE;
  UPDATE notes SET body = 'gone';
  DROP SEQUENCE invoices;
  CREATE TABLE vandals AS SELECT 1 AS was_here;`;

for (const state of ["stopped", "running"] as const) {
  test(
    `PostgreSQL answers as before, restored from a snapshot taken while it was ${state}`,
    { skip },
    async () => {
      await using image = await importPostgres(host);
      await using sandbox = await Sandbox.create(host);
      const { name } = await sandbox.volume("db");
      await sandbox.declare(name);
      await using server = await new EngineApi(host).container({
        image: image.reference,
        mounts: { [name]: POSTGRES_DATA },
      });
      await server.execUntilSuccess(sql("SELECT 1"), READY_TIMEOUT_MS);
      await ask(server, SCHEMA);
      const before = await answers(server);
      assert.match(before[0] ?? "", /^20000\|0\|/);

      if (state === "stopped") await server.stop();
      const { archive, sidecar, stderr } = await sandbox.snapshot(name);
      if (state === "stopped") await server.start();
      await server.execUntilSuccess(sql("SELECT 1"), READY_TIMEOUT_MS);
      const warning = new RegExp(`warning: ${server.name} is running and can write`);
      assert.equal(warning.test(stderr), state === "running", stderr);
      assert.deepEqual(
        recordedContainers(sidecar).map((one) => [one["name"], one["state"]]),
        [[server.name, state === "running" ? "running" : "exited"]],
      );

      await ask(server, DAMAGE);
      // PostgreSQL does not start in a folder that others may read.
      assert.equal((await server.exec(["chmod", "755", POSTGRES_DATA])).exitCode, 0);
      await assert.rejects(answers(server), /relation "accounts" does not exist/);
      const restored = await sandbox.restore(name, archive, ["--force", "--stop-containers"]);
      assert.match(restored.stdout, new RegExp(`^  ${server.name}: down for `, "m"));
      await server.execUntilSuccess(sql("SELECT 1"), READY_TIMEOUT_MS);
      assert.deepEqual(await answers(server), before);
      await assert.rejects(ask(server, "SELECT * FROM vandals"), /does not exist/);
      // A snapshot of a running server is what a power loss leaves: PostgreSQL repairs that itself.
      const recovered = /was not properly shut down; automatic recovery/.test(
        (await server.logs()).stderr,
      );
      assert.equal(recovered, state === "running");
      await ask(server, "INSERT INTO accounts VALUES (20001, 'new', 0); CHECKPOINT");
    },
  );
}

for (const { name, pack } of [PAX, TAR_FS]) {
  test(`PostgreSQL starts on its folder as ${name} has packed it`, { skip }, async () => {
    await using image = await importPostgres(host);
    await using sandbox = await Sandbox.create(host);
    const original = await sandbox.volume("original");
    const start = (volume: string): Promise<Container> =>
      new EngineApi(host).container({
        image: image.reference,
        mounts: { [volume]: POSTGRES_DATA },
      });
    const archive = sandbox.path("postgres.tar");
    let before: readonly string[];
    {
      await using server = await start(original.name);
      await server.execUntilSuccess(sql("SELECT 1"), READY_TIMEOUT_MS);
      await ask(server, SCHEMA);
      before = await answers(server);
      await server.stop();
      await pack(original.folder, archive);
    }
    // A new volume's root folder belongs to root, and PostgreSQL starts in none but its own.
    const { name: restored } = await sandbox.volume("restored");
    const args = ["--undeclared", "--verify"];
    const { stderr } = await sandbox.restore(restored, archive, args);
    assert.match(stderr, /what was extracted matches the archive$/m);
    await using server = await start(restored);
    await server.execUntilSuccess(sql("SELECT 1"), READY_TIMEOUT_MS);
    assert.deepEqual(await answers(server), before);
  });
}

function sql(query: string): string[] {
  return ["psql", "-U", "postgres", "-v", "ON_ERROR_STOP=1", "-Atqc", query];
}

async function ask(server: Container, query: string): Promise<string> {
  const { exitCode, stdout, stderr } = await server.exec(sql(query));
  if (exitCode !== 0) throw new Error(stderr);
  return stdout.trim();
}

async function answers(server: Container): Promise<readonly string[]> {
  const all: string[] = [];
  for (const question of QUESTIONS) all.push(await ask(server, question));
  return all;
}

function recordedContainers(
  sidecar: Readonly<Record<string, unknown>>,
): readonly Readonly<Record<string, unknown>>[] {
  const { containers } = sidecar;
  assert.ok(Array.isArray(containers));
  return containers;
}
