/**
 * What the design takes for granted of a Docker Engine. Whatever claims to be one, another engine or a fake, has to
 * pass this.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { access, chmod, chown, rm, stat, utimes } from "node:fs/promises";
import { test } from "node:test";
import { buffer, text } from "node:stream/consumers";
import { EngineApiError, isConflict, isNotFound } from "../../src/engine/client.ts";
import {
  attachContainer,
  canSetRestartPolicy,
  createContainer,
  execInContainer,
  inspectContainer,
  killContainer,
  lastLogLines,
  listContainers,
  pauseContainer,
  removeContainer,
  removeStoppedContainer,
  setRestartPolicy,
  startContainer,
  stopContainer,
  unpauseContainer,
  waitContainer,
} from "../../src/engine/containers.ts";
import { inspectListed } from "../../src/engine/container-state.ts";
import { createOnVolume } from "../../src/engine/create-on-volume.ts";
import { demultiplex } from "../../src/engine/multiplex.ts";
import {
  createVolume,
  inspectVolume,
  removeVolume,
  type VolumeDefinition,
} from "../../src/engine/volumes.ts";
import type { VolumeMount } from "../../src/engine/volume-mount.ts";
import { Bench, until, type EnginePlace } from "./engine-bench.ts";

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

type Clause = readonly [name: string, proves: (bench: Bench) => Promise<void>];

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

/** The container's state tells what became of its operation. */
const STATES: readonly Clause[] = [
  [
    "list and inspect tell how a container ended",
    async (bench) => {
      const id = await bench.running("exit 3");
      assert.equal(await waitContainer(bench.engine, id), 3);
      const sure = await inspectListed(bench.engine, await bench.listed(id));
      assert.deepEqual([sure?.state, sure?.exitCode], ["exited", 3]);
      const { State } = await inspectContainer(bench.engine, id);
      assert.deepEqual([State.Status, State.ExitCode], ["exited", 3]);
      // Podman tells an end in whole seconds, and Docker a start once it has heard of it.
      assert.ok(Date.parse(State.FinishedAt) > Date.parse(State.StartedAt) - 2000);
    },
  ],
  [
    "a removal without force leaves a container alone that runs, or is paused",
    async (bench) => {
      const id = await bench.running();
      await assert.rejects(removeStoppedContainer(bench.engine, id), isConflict);
      await pauseContainer(bench.engine, id);
      await assert.rejects(removeStoppedContainer(bench.engine, id), isConflict);
      assert.equal(await bench.status(id), "paused");
      await unpauseContainer(bench.engine, id);
      assert.equal(await bench.status(id), "running");
    },
  ],
  [
    "a removal takes away a container that was never started, has ended, or with force runs",
    async (bench) => {
      await removeStoppedContainer(bench.engine, await bench.create());
      const ended = await bench.running("exit 3");
      await waitContainer(bench.engine, ended);
      await removeStoppedContainer(bench.engine, ended);
      await removeContainer(bench.engine, await bench.running());
      const left = (await listContainers(bench.engine)).filter(({ name }) => name === bench.name);
      assert.deepEqual(left, []);
    },
  ],
  [
    "what is asked of a container that is gone is not found",
    async (bench) => {
      const id = await bench.create();
      await removeContainer(bench.engine, id);
      for (const call of [
        inspectContainer,
        startContainer,
        stopContainer,
        killContainer,
        pauseContainer,
        waitContainer,
        removeContainer,
        removeStoppedContainer,
        attachContainer,
      ]) {
        await assert.rejects(call(bench.engine, id), isNotFound, call.name);
      }
    },
  ],
  [
    "a container of an image that is missing is not found, and none is made",
    async (bench) => {
      const definition = { ...bench.definition(), Image: `${bench.name}-no-image:1` };
      await assert.rejects(createContainer(bench.engine, bench.name, definition), isNotFound);
      await bench.create();
    },
  ],
  [
    "one that runs may be started again, and one that does not stopped, with no effect",
    async (bench) => {
      const id = await bench.create();
      await stopContainer(bench.engine, id);
      assert.equal(await bench.status(id), "created");
      await startContainer(bench.engine, id);
      const before = await inspectContainer(bench.engine, id);
      await startContainer(bench.engine, id);
      const after = await inspectContainer(bench.engine, id);
      assert.equal(after.State.StartedAt, before.State.StartedAt);
    },
  ],
  [
    "a stop returns once the process has ended, and a start gives another time",
    async (bench) => {
      const id = await bench.running();
      const before = await inspectContainer(bench.engine, id);
      await stopContainer(bench.engine, id);
      // Docker 26.1 lists it as running for a moment.
      assert.equal(await bench.status(id), "exited");
      const sure = await inspectListed(bench.engine, await bench.listed(id));
      assert.deepEqual([sure?.state, sure?.exitCode], ["exited", 137]);
      await startContainer(bench.engine, id);
      const after = await inspectContainer(bench.engine, id);
      assert.equal(after.State.Status, "running");
      assert.ok(Date.parse(after.State.StartedAt) > Date.parse(before.State.StartedAt));
    },
  ],
  [
    "a kill takes a container that runs",
    async (bench) => {
      const id = await bench.create();
      await assert.rejects(killContainer(bench.engine, id), isConflict);
      await startContainer(bench.engine, id);
      await killContainer(bench.engine, id);
      assert.equal(await waitContainer(bench.engine, id), 137);
    },
  ],
  [
    "a pause takes a container that runs, and there is no start of one that is paused",
    async (bench) => {
      const id = await bench.create();
      await assert.rejects(pauseContainer(bench.engine, id), EngineApiError);
      await startContainer(bench.engine, id);
      await pauseContainer(bench.engine, id);
      assert.equal((await bench.listed(id)).state, "paused");
      await assert.rejects(pauseContainer(bench.engine, id), EngineApiError);
      await assert.rejects(startContainer(bench.engine, id), EngineApiError);
      await unpauseContainer(bench.engine, id);
      await assert.rejects(unpauseContainer(bench.engine, id), EngineApiError);
    },
  ],
  [
    "the restart policy can be set, whether the container runs or not",
    async (bench) => {
      const always = { Name: "always", MaximumRetryCount: 0 };
      const never = { Name: "no", MaximumRetryCount: 0 };
      const id = await bench.running("read line", { hostConfig: { RestartPolicy: always } });
      // Podman 4 cannot, and such a container is refused.
      if (!(await canSetRestartPolicy(bench.engine, id, always))) return;
      const policy = async (): Promise<unknown> =>
        (await inspectContainer(bench.engine, id)).HostConfig.RestartPolicy;
      assert.deepEqual(await policy(), always);
      await setRestartPolicy(bench.engine, id, never);
      assert.deepEqual(await policy(), never);
      await stopContainer(bench.engine, id);
      await setRestartPolicy(bench.engine, id, always);
      assert.deepEqual(await policy(), always);
      assert.equal(await bench.status(id), "exited");
    },
  ],
  [
    "a container in another one's network starts once that one runs",
    async (bench) => {
      const other = await bench.create();
      const definition = {
        ...bench.definition(),
        NetworkDisabled: false,
        HostConfig: { NetworkMode: `container:${other}` },
      };
      const id = await createContainer(bench.engine, `${bench.name}-beside`, definition);
      const alone = await startContainer(bench.engine, id).catch((error: unknown) => error);
      // Podman starts the other one as well.
      const started = (await bench.status(other)) === "running";
      assert.ok(started || alone instanceof EngineApiError);
      await startContainer(bench.engine, other);
      await startContainer(bench.engine, id);
      assert.equal(await bench.status(id), "running");
    },
  ],
];

/** A volume is what containers are known by that use it. */
const VOLUMES: readonly Clause[] = [
  [
    "a container that mounts a volume is listed with it, in every state",
    async (bench) => {
      await createVolume(bench.engine, definitionOf(bench));
      const id = await bench.create("read line", bench.onVolume({ ReadOnly: true }));
      const mounted = async (): Promise<unknown> =>
        (await bench.listed(id)).mounts.map(({ type, name, readWrite }) => [type, name, readWrite]);
      assert.deepEqual(await mounted(), [["volume", bench.volume, false]]);
      await startContainer(bench.engine, id);
      assert.deepEqual(await mounted(), [["volume", bench.volume, false]]);
      await stopContainer(bench.engine, id);
      assert.deepEqual(await mounted(), [["volume", bench.volume, false]]);
    },
  ],
  [
    "a volume that a container has, running or not, cannot be removed",
    async (bench) => {
      await createVolume(bench.engine, definitionOf(bench));
      const id = await bench.create("read line", bench.onVolume());
      await assert.rejects(removeVolume(bench.engine, bench.volume), isConflict);
      await removeContainer(bench.engine, id);
      await removeVolume(bench.engine, bench.volume);
      assert.equal(await inspectVolume(bench.engine, bench.volume), undefined);
      await assert.rejects(removeVolume(bench.engine, bench.volume), isNotFound);
    },
  ],
  [
    "a container is not made on a volume that is missing; on one that is there it is, and changes no label",
    async (bench) => {
      const { engine, volume } = bench;
      const request = { volume, readOnly: false };
      const create = (mount: VolumeMount): Promise<string> =>
        bench.create("read line", { hostConfig: { Mounts: [mount] } });
      await assert.rejects(createOnVolume(engine, request, create), {
        code: "volume.removed-meanwhile",
      });
      assert.equal(await inspectVolume(engine, volume), undefined);
      await createVolume(engine, definitionOf(bench));
      await createOnVolume(engine, request, create);
      const found = await inspectVolume(engine, volume);
      assert.deepEqual(found?.labels, { "test.first": "1" });
    },
  ],
  [
    "a volume that is removed while a container is made on it is noticed, and the container removed again",
    async (bench) => {
      const { engine, volume } = bench;
      await createVolume(engine, definitionOf(bench));
      const made = createOnVolume(engine, { volume, readOnly: false }, async (mount) => {
        await removeVolume(engine, volume);
        return bench.create("read line", { hostConfig: { Mounts: [mount] } });
      });
      await assert.rejects(made, { code: "volume.removed-meanwhile" });
      const left = (await listContainers(engine)).filter(({ name }) => name === bench.name);
      assert.deepEqual(left, []);
    },
  ],
  [
    "what reads a volume that no container has mounted yet leaves its root as it is",
    async (bench) => {
      const { engine, volume } = bench;
      const { mountpoint } = await createVolume(engine, definitionOf(bench));
      // An engine elsewhere, or in memory.
      if (!(await canRead(mountpoint))) return;
      await chown(mountpoint, 999, 998);
      await chmod(mountpoint, 0o2751);
      await utimes(mountpoint, 1_577_836_800, 1_577_836_800);
      const root = async (): Promise<readonly number[]> => {
        const { uid, gid, mode, mtimeMs } = await stat(mountpoint);
        return [uid, gid, mode, mtimeMs];
      };
      const before = await root();
      const id = await createOnVolume(engine, { volume, readOnly: true }, (mount) =>
        bench.create("true", { hostConfig: { Mounts: [mount] } }),
      );
      await startContainer(engine, id);
      await waitContainer(engine, id);
      assert.deepEqual(await root(), before);
    },
  ],
  [
    "whoever creates a volume that is there gets that one",
    async (bench) => {
      const first = await createVolume(bench.engine, definitionOf(bench));
      assert.deepEqual(first.labels, { "test.first": "1" });
      const again = { ...definitionOf(bench), labels: { "test.second": "2" } };
      assert.deepEqual(await createVolume(bench.other(), again), first);
    },
  ],
  [
    "files of a volume can be asked for through a container that was never started",
    async (bench) => {
      await createVolume(bench.engine, definitionOf(bench));
      const id = await bench.create("read line", bench.onVolume({ ReadOnly: true }));
      const query = { path: "/volume/no/such-file" };
      const look = bench.engine.json("HEAD", `/containers/${id}/archive`, { query });
      await assert.rejects(look, isNotFound);
      assert.equal(await bench.status(id), "created");
    },
  ],
  [
    "a folder that the engine does not see is not mounted: there is no container, or the folder in it is empty",
    async (bench) => {
      const mount = { Type: "bind", Source: `/no/such/${bench.name}`, Target: "/exchange" };
      const options = { StdinOnce: true, hostConfig: { Mounts: [mount] } };
      // Podman makes the folder, where it may.
      const id = await bench.create("read line; ls /exchange", options).catch((error: unknown) => {
        assert.ok(error instanceof EngineApiError && error.statusCode === 400, String(error));
      });
      if (id === undefined) {
        await bench.create();
        return;
      }
      const connection = await attachContainer(bench.engine, id);
      await startContainer(bench.engine, id);
      connection.end();
      assert.equal(await text(demultiplex(connection).stdout), "");
      await rm(mount.Source, { recursive: true });
    },
  ],
];

async function canRead(folder: string): Promise<boolean> {
  return access(folder).then(
    () => true,
    () => false,
  );
}

function definitionOf({ volume }: Bench): VolumeDefinition {
  return { name: volume, driver: "local", driverOpts: {}, labels: { "test.first": "1" } };
}
