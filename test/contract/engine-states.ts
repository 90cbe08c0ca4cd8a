import assert from "node:assert/strict";
import { EngineApiError, isConflict, isNotFound } from "../../src/engine/client.ts";
import {
  attachContainer,
  canSetRestartPolicy,
  createContainer,
  inspectContainer,
  killContainer,
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
import type { Clause } from "./clause.ts";

/** The container's state tells what became of its operation. */
export const STATES: readonly Clause[] = [
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
