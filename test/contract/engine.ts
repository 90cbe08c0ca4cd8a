/**
 * What the design takes for granted of a Docker Engine. Whatever claims to be one, another engine or a fake, has to
 * pass this.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { buffer, text } from "node:stream/consumers";
import { EngineApiError, isConflict, isNotFound } from "../../src/engine/client.ts";
import {
  attachContainer,
  createContainer,
  execInContainer,
  inspectContainer,
  killContainer,
  lastLogLines,
  listContainers,
  removeStoppedContainer,
  startContainer,
  waitContainer,
} from "../../src/engine/containers.ts";
import { demultiplex } from "../../src/engine/multiplex.ts";
import { Bench, until, type EnginePlace } from "./engine-bench.ts";
import type { Clause } from "./clause.ts";
import { STATES } from "./engine-states.ts";
import { VOLUMES } from "./engine-volumes.ts";

/** Holds an engine to the contract. */
export function engineContract(
  open: () => Promise<EnginePlace>,
  { skip = false }: { readonly skip?: string | false } = {},
): void {
  for (const [name, proves] of [...LOCK, ...LIFE, ...STATES, ...VOLUMES]) {
    test(name, { skip, timeout: 60_000 }, async () => {
      await using place = await open();
      await proves(new Bench(place));
    });
  }
}

/** A name is the lock, and labels are the journal. */
const LOCK: readonly Clause[] = [
  [
    "a name is one container's, whichever client asks, until that one is removed",
    async (bench) => {
      const { engine, name } = bench;
      const first = await bench.create();
      await assert.rejects(createContainer(bench.other(), name, bench.definition()), isConflict);
      await removeStoppedContainer(engine, first);
      const second = await createContainer(bench.other(), name, bench.definition());
      assert.notEqual(second, first, "an id is used once");
    },
  ],
  [
    "of clients that want a name at the same moment one gets it",
    async (bench) => {
      const clients = Array.from({ length: 8 }, () => bench.other());
      const results = await Promise.allSettled(
        clients.map((client) => createContainer(client, bench.name, bench.definition())),
      );
      const refused = results.filter((result) => result.status === "rejected");
      assert.equal(refused.length, 7);
      assert.ok(refused.every(({ reason }) => isConflict(reason)));
    },
  ],
  [
    "a container that was created is in every later list, with its labels and the image's id",
    async (bench) => {
      const id = await bench.create("read line", { Labels: { "test.a": "1", "test.b": "x y=z" } });
      const listed = await bench.listed(id);
      assert.equal(listed.name, bench.name);
      assert.deepEqual([listed.state, listed.exitCode], ["created", undefined]);
      assert.equal(listed.labels["test.b"], "x y=z");
      assert.match(listed.imageId, /^sha256:/);
      const by = async (...label: readonly string[]): Promise<number> =>
        (await listContainers(bench.other(), { filters: { label } })).filter(
          (container) => container.id === id,
        ).length;
      assert.deepEqual(
        [await by("test.a"), await by("test.a=1", "test.b"), await by("test.a=2")],
        [1, 1, 0],
      );
    },
  ],
  [
    "labels stay as they were made",
    async (bench) => {
      const id = await bench.create("read line", { Labels: { "test.a": "1" } });
      const body = { Labels: { "test.a": "2" } };
      const update = bench.engine.json("POST", `/containers/${id}/update`, { body });
      await update.catch((error: unknown) => assert.ok(error instanceof EngineApiError));
      assert.equal((await bench.listed(id)).labels["test.a"], "1");
    },
  ],
];

/** A helper ends when its client does, however that was. */
const LIFE: readonly Clause[] = [
  [
    "with StdinOnce a process's input ends when its client closes its half, and output still comes",
    async (bench) => {
      const id = await bench.create("read line; exit 7", { StdinOnce: true });
      const connection = await attachContainer(bench.engine, id);
      await startContainer(bench.engine, id);
      const output = demultiplex(connection);
      connection.end();
      await buffer(output.stdout);
      assert.equal(await waitContainer(bench.engine, id), 7);
    },
  ],
  [
    "with StdinOnce a process's input ends when its client is gone",
    async (bench) => {
      const id = await bench.create("read line; exit 7", { StdinOnce: true });
      const client = bench.other();
      const connection = await attachContainer(client, id);
      await startContainer(client, id);
      connection.destroy();
      assert.equal(await waitContainer(bench.engine, id), 7);
    },
  ],
  [
    "what is written reaches the process, and its output the client",
    async (bench) => {
      const id = await bench.create("cat", { StdinOnce: true });
      const connection = await attachContainer(bench.engine, id);
      connection.write("before ");
      await startContainer(bench.engine, id);
      connection.end("and after");
      assert.equal(await text(demultiplex(connection).stdout), "before and after");
    },
  ],
  [
    "an exec has streams of its own, and ends with its input",
    async (bench) => {
      const id = await bench.running();
      const exec = { command: ["sh", "-c", "cat"], stdin: true };
      const connection = await execInContainer(bench.engine, id, exec);
      connection.end("through");
      assert.equal(await text(demultiplex(connection).stdout), "through");
      assert.equal(await bench.status(id), "running");
    },
  ],
  [
    "an exec takes a container that runs",
    async (bench) => {
      const id = await bench.create();
      const exec = { command: ["sh", "-c", "cat"], stdin: false };
      await assert.rejects(execInContainer(bench.engine, id, exec), isConflict);
    },
  ],
  [
    "an exec dies with the container",
    async (bench) => {
      const id = await bench.running();
      const exec = { command: ["sh", "-c", "cat"], stdin: true };
      const connection = await execInContainer(bench.engine, id, exec);
      const { stdout } = demultiplex(connection);
      connection.write("begun");
      await once(stdout, "readable");
      await killContainer(bench.engine, id);
      assert.equal(await text(stdout), "begun");
    },
  ],
  [
    "a container with AutoRemove is gone by itself once it has ended",
    async (bench) => {
      const id = await bench.running("exit 0", { hostConfig: { AutoRemove: true } });
      await until("it is gone", async () =>
        inspectContainer(bench.engine, id).then(
          () => false,
          (error: unknown) => isNotFound(error),
        ),
      );
    },
  ],
  [
    "the end of what a container wrote can be read when it has ended",
    async (bench) => {
      const id = await bench.create("cat", { StdinOnce: true });
      const connection = await attachContainer(bench.engine, id);
      await startContainer(bench.engine, id);
      connection.end("one\ntwo\nthree\n");
      await waitContainer(bench.engine, id);
      const details = await inspectContainer(bench.engine, id);
      assert.deepEqual(await lastLogLines(bench.engine, details, 2), ["two", "three"]);
    },
  ],
];
