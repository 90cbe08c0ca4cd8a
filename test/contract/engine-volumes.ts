import assert from "node:assert/strict";
import { access, chmod, chown, rm, stat, utimes } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { EngineApiError, isConflict, isNotFound } from "../../src/engine/client.ts";
import {
  attachContainer,
  listContainers,
  removeContainer,
  startContainer,
  stopContainer,
  waitContainer,
} from "../../src/engine/containers.ts";
import { createOnVolume } from "../../src/engine/create-on-volume.ts";
import { demultiplex } from "../../src/engine/multiplex.ts";
import {
  createVolume,
  inspectVolume,
  removeVolume,
  type VolumeDefinition,
} from "../../src/engine/volumes.ts";
import type { VolumeMount } from "../../src/engine/volume-mount.ts";
import type { Bench } from "./engine-bench.ts";
import type { Clause } from "./clause.ts";

/** A volume is what containers are known by that use it. */
export const VOLUMES: readonly Clause[] = [
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
