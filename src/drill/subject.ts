import { isNotFound } from "../engine/client.ts";
import { imageVolumes, inspectConfig, type ContainerConfig } from "../engine/container-config.ts";
import {
  inspectContainer,
  lastLogLines,
  listContainers,
  removeContainer,
  startContainer,
  waitContainer,
} from "../engine/containers.ts";
import { createContainerSurely } from "../engine/create-container.ts";
import { findImage, pullImage } from "../engine/images.ts";
import { inspectVolume, type EngineVolume } from "../engine/volumes.ts";
import { DockformError } from "../errors.ts";
import { hardened } from "../helper/container.ts";
import type { VolumeTarget } from "../lock/target.ts";
import type { Tools } from "../tools.ts";
import { usersAmong } from "../workload/users.ts";
import {
  copyContainer,
  copyMounts,
  shownSource,
  type ContainerCopy,
  type CopiedMount,
} from "./copy.ts";
import type { DrillSubject } from "./request.ts";
import type { ThrowAwayVolume } from "./throwaway.ts";

/** What can be found out, and refused, before anything is made. */
export interface Prepared {
  /** For the record: `postgres:16`. */
  readonly title: string;
  define(throwAway: ThrowAwayVolume): Promise<ContainerCopy>;
}

export async function prepare(
  target: VolumeTarget,
  subject: DrillSubject,
  tools: Tools,
): Promise<Prepared> {
  if (subject.kind === "image") return prepareImage(target, subject, tools);
  const volume = await inspectVolume(target.engine, target.volume, tools.signal);
  if (volume === undefined) {
    throw new DockformError("drill.no-volume", `volume "${target.volume}" does not exist here`, {
      hint: "So there is no container that uses it.",
      advice: [{ code: "choose-drill-image" }],
    });
  }
  const original = await findOriginal(target, volume, subject.name, tools.signal);
  const mounts = copyMounts(original, volume);
  if (!mounts.some(({ use }) => use === "restored")) {
    throw new DockformError(
      "drill.container-unrelated",
      `${nameOf(original)} does not use volume "${target.volume}"`,
      {
        advice: [{ code: "choose-other-container" }],
      },
    );
  }
  return {
    title: `a copy of ${nameOf(original)} (${original.Config.Image})`,
    async define(throwAway) {
      const { name, labels } = throwAway;
      return copyContainer(original, {
        mounts: await withoutDoors(throwAway, mounts, tools),
        volume: name,
        network: await throwAway.network(),
        labels,
      });
    },
  };
}

async function findOriginal(
  { engine, volume: name }: VolumeTarget,
  volume: EngineVolume,
  named: string | undefined,
  signal: AbortSignal,
): Promise<ContainerConfig> {
  if (named !== undefined) {
    try {
      return await inspectConfig(engine, named, signal);
    } catch (error) {
      if (!isNotFound(error)) throw error;
      throw new DockformError("drill.container-not-found", `there is no container ${named}`, {
        hint: "`docker ps --all` lists them.",
      });
    }
  }
  const users = usersAmong(await listContainers(engine, { signal }), volume);
  const [only, ...others] = users;
  if (only !== undefined && others.length === 0) {
    return inspectConfig(engine, only.container.id, signal);
  }
  const names = users.map(({ container }) => container.name).join(", ");
  throw new DockformError(
    only === undefined ? "drill.no-container" : "drill.several-containers",
    only === undefined
      ? `no container uses volume "${name}", so there is nothing to start`
      : `several containers use volume "${name}": ${names}`,
    { advice: [{ code: "choose-drill-container" }] },
  );
}

async function prepareImage(
  { engine }: VolumeTarget,
  { image, command, mountPath }: Extract<DrillSubject, { kind: "image" }>,
  { log, signal }: Tools,
): Promise<Prepared> {
  if ((await findImage(engine, image, signal)) === undefined) {
    log.info(`Pulling ${image}`);
    await pullImage(engine, image, signal);
  }
  const declared = await imageVolumes(engine, image, signal);
  const path = mountPath ?? (declared.length === 1 ? declared[0] : undefined);
  if (path === undefined) {
    throw new DockformError(
      "drill.no-mount-path",
      `the image ${image} declares ${declared.length === 0 ? "no volume" : `several volumes: ${declared.join(", ")}`}`,
      { advice: [{ code: "choose-mount-path" }] },
    );
  }
  return {
    title: `${image} with ${JSON.stringify(command)}`,
    define: async (throwAway) => ({
      definition: {
        Image: image,
        Entrypoint: ["/bin/sh", "-c"],
        Cmd: [command],
        Labels: throwAway.labels,
        Healthcheck: { Test: ["NONE"] },
        HostConfig: {
          NetworkMode: await throwAway.network(),
          SecurityOpt: ["no-new-privileges"],
          LogConfig: { Type: "json-file", Config: { "max-size": "10m" } },
          Mounts: [
            {
              Type: "volume",
              Source: throwAway.name,
              Target: path,
              VolumeOptions: { NoCopy: true },
            },
          ],
        },
      },
      differences: [],
    }),
  };
}

/**
 * A folder that is mounted read-only can still hold a socket or a pipe of a program that runs, and what is
 * written into that arrives. So each is looked through first, and one that holds any is empty in the copy.
 */
async function withoutDoors(
  { target, name, labels }: ThrowAwayVolume,
  mounts: readonly CopiedMount[],
  tools: Tools,
): Promise<readonly CopiedMount[]> {
  const shown = mounts.filter(({ use }) => use === "shown");
  if (shown.length === 0) return mounts;
  const { engine } = target;
  const { reference } = await target.findHelperImage();
  const { signal } = tools;
  const definition = hardened({
    image: reference,
    entrypoint: ["sh", "-c", LOOK],
    labels,
    mounts: shown.map(({ mount }, i) => ({
      ...shownSource(mount),
      Target: `/look/${i}`,
      ReadOnly: true,
    })),
    capabilities: ["DAC_READ_SEARCH"],
    pidsLimit: 64,
    isLogged: true,
  });
  const container = await createContainerSurely(engine, `${name}-look`, definition, tools);
  try {
    await startContainer(engine, container, signal);
    await waitContainer(engine, container, signal);
    const details = await inspectContainer(engine, container, signal);
    const lines = await lastLogLines(engine, details, shown.length + 1, signal);
    const clean = new Set(lines.map((line) => shown[Number(/^clean (\d+)$/.exec(line)?.[1])]));
    return mounts.map((each) =>
      each.use !== "shown" || clean.has(each)
        ? each
        : { use: each.mount.Type === "volume" ? "empty" : "left out", mount: each.mount },
    );
  } finally {
    await removeContainer(engine, container, AbortSignal.timeout(CLEANUP_TIMEOUT_MS));
  }
}

/** Says which of the folders hold nothing but files, folders and symbolic links. */
const LOOK = `cd /look && for each in *; do
  door=$(find "$each" ! -type f ! -type d ! -type l 2>&1 | head -n 1) && [ -z "$door" ] && echo "clean $each"
done`;

const CLEANUP_TIMEOUT_MS = 30_000;

function nameOf({ Name }: ContainerConfig): string {
  return Name.replace(/^\//, "");
}
