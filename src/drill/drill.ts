import { formatTime } from "../format.ts";
import { setTimeout as sleep } from "node:timers/promises";
import { isNotFound, type EngineClient } from "../engine/client.ts";
import { imageVolumes, inspectConfig, type ContainerConfig } from "../engine/container-config.ts";
import {
  inspectContainer,
  lastLogLines,
  listContainers,
  removeContainer,
  startContainer,
  waitContainer,
  type ContainerDetails,
} from "../engine/containers.ts";
import { createContainerSurely } from "../engine/create-container.ts";
import { findImage, pullImage } from "../engine/images.ts";
import { inspectVolume, type EngineVolume } from "../engine/volumes.ts";
import { DockformError } from "../errors.ts";
import { amendSidecar } from "../store/sidecar-file.ts";
import { Archive } from "../archive/archive.ts";
import {
  copyContainer,
  copyMounts,
  shownSource,
  type ContainerCopy,
  type CopiedMount,
} from "./copy.ts";
import { ANY_VOLUME, type RestoreRequest } from "../restore/request.ts";
import { restoreVolume } from "../restore/restore.ts";
import { stopwatch } from "../stopwatch.ts";
import type { VolumeTarget } from "../lock/target.ts";
import { removeLeftovers, ThrowAwayVolume } from "./throwaway.ts";
import type { Tools } from "../tools.ts";
import { usersAmong } from "../workload/users.ts";

/** What is to be started on the restored volume. */
export type DrillSubject =
  /** A copy of a container; of the only one that uses the volume where none is named. */
  | { readonly kind: "container"; readonly name: string | undefined }
  /** An image, whose shell runs a command in place of its own. */
  | {
      readonly kind: "image";
      readonly image: string;
      readonly command: string;
      /** Where the volume is mounted; the image's own volume where that is undefined. */
      readonly mountPath: string | undefined;
    };

export interface DrillRequest {
  /** The volume that the snapshot is of; it need not exist for a drill with an image. */
  readonly target: VolumeTarget;
  readonly archivePath: string;
  readonly subject: DrillSubject;
  /** How long health, or the command's end, may take. */
  readonly timeoutMs: number;
}

export interface DrillReport {
  readonly context: string;
  readonly volume: string;
  readonly archivePath: string;
  /** What was started and how it fared: `a copy of db (postgres:16): healthy`. */
  readonly provenBy: string;
  /** RFC 3339; also in the sidecar, where there is one. */
  readonly provenAt: string;
  readonly recorded: boolean;
  /** How the copy of a container differed from it. */
  readonly differences: readonly string[];
  readonly durations: { readonly restoreMs: number; readonly proofMs: number };
}

const POLL_MS = 200;
/** A copy without a health check has to run for so long. */
const STEADY_MS = 10_000;
const LOG_LINES = 20;

/**
 * Proves a snapshot: restores it into a throw-away volume, starts something on that, waits until it is
 * well, and records that in the sidecar. Nothing of it can reach anything outside, and all of it is removed
 * in the end. What earlier drills left behind whose client died is removed first.
 *
 * @throws DockformError `failed` when what was started is not well; its last log lines are told.
 */
export async function drill(request: DrillRequest, tools: Tools): Promise<DrillReport> {
  const clock = stopwatch();
  const { target, archivePath } = request;
  await removeLeftovers(target.engine, tools);
  const prepared = await prepare(request, tools);
  await using throwAway = await ThrowAwayVolume.create(target, tools);
  await restoreInto(throwAway, archivePath, tools);
  const restoreMs = clock.lap();
  const { definition, differences } = await prepared.define(throwAway);
  for (const difference of differences) tools.log.info(`In the copy, ${difference}`);
  const outcome = await proof(request, throwAway, definition, tools);
  const provenBy = `${prepared.title}: ${outcome}`;
  const proofMs = clock.lap();
  const provenAt = formatTime(tools.now());
  const recorded = await record(archivePath, provenAt, provenBy, tools);
  const { context, volume } = target;
  const durations = { restoreMs, proofMs };
  return { context, volume, archivePath, provenBy, provenAt, recorded, differences, durations };
}

/** Restores a snapshot into a throw-away volume, which is not to be compared with the original's driver. */
export async function restoreInto(
  throwAway: ThrowAwayVolume,
  archivePath: string,
  tools: Tools,
): Promise<void> {
  const debug = (message: string): void => tools.log.debug(message);
  const log = { debug, info: debug, warn: debug };
  const request: RestoreRequest = {
    target: throwAway.target,
    archivePath,
    undeclared: true,
    force: false,
    stopContainers: false,
    dryRun: false,
    keepPrevious: false,
    keepFailed: false,
    inPlace: false,
    forceEmpty: true,
    verify: false,
    without: new Set<never>(),
    strictAttributes: false,
    paths: [],
    fromVolume: ANY_VOLUME,
    create: false,
    command: "",
    // What is proven is the snapshot as it is.
    root: { kind: "strip", components: 0 },
    healthTimeoutMs: 0,
  };
  await restoreVolume(request, { ...tools, log });
}

/** What can be found out, and refused, before anything is made. */
interface Prepared {
  /** For the record: `postgres:16`. */
  readonly title: string;
  define(throwAway: ThrowAwayVolume): Promise<ContainerCopy>;
}

async function prepare({ target, subject }: DrillRequest, tools: Tools): Promise<Prepared> {
  if (subject.kind === "image") return prepareImage(target, subject, tools);
  const volume = await inspectVolume(target.engine, target.volume, tools.signal);
  if (volume === undefined) {
    throw new DockformError("refused", `volume "${target.volume}" does not exist here`, {
      hint: "So no container can tell how it is used. Name what to start with --image and --command.",
    });
  }
  const original = await findOriginal(target, volume, subject.name, tools.signal);
  const mounts = copyMounts(original, volume);
  if (!mounts.some(({ use }) => use === "restored")) {
    throw new DockformError(
      "refused",
      `${nameOf(original)} does not use volume "${target.volume}"`,
      {
        hint: "Name a container that does, or what to start with --image and --command.",
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
      throw new DockformError("usage", `there is no container ${named}`, {
        hint: "`docker ps --all` names those there are.",
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
    "usage",
    only === undefined
      ? `no container uses volume "${name}", so it is not known what to start`
      : `several containers use volume "${name}": ${names}`,
    { hint: "Name one with --container, or what to start with --image and --command." },
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
      "usage",
      `the image ${image} declares ${declared.length === 0 ? "no volume" : `several volumes: ${declared.join(", ")}`}`,
      { hint: "Say where it has its data with --mount-path." },
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
  const definition = {
    Image: reference,
    Entrypoint: ["sh", "-c", LOOK],
    Cmd: [],
    User: "0:0",
    Labels: labels,
    Healthcheck: { Test: ["NONE"] },
    NetworkDisabled: true,
    HostConfig: {
      NetworkMode: "none",
      ReadonlyRootfs: true,
      CapDrop: ["ALL"],
      CapAdd: ["DAC_READ_SEARCH"],
      SecurityOpt: ["no-new-privileges"],
      LogConfig: { Type: "json-file" },
      Mounts: shown.map(({ mount }, i) => ({
        ...shownSource(mount),
        Target: `/look/${i}`,
        ReadOnly: true,
      })),
    },
  };
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

/** Starts the container and waits until it is well; answers how that was seen. */
async function proof(
  { target: { engine }, subject, timeoutMs, archivePath }: DrillRequest,
  throwAway: ThrowAwayVolume,
  definition: Readonly<Record<string, unknown>>,
  tools: Tools,
): Promise<string> {
  const name = `${throwAway.name}-drill`;
  const id = await createContainerSurely(engine, name, definition, tools);
  await startContainer(engine, id, tools.signal);
  const progress = tools.startProgress(`Drill of ${throwAway.target.volume}`);
  try {
    const seen = await watch(engine, id, subject.kind === "container", { timeoutMs, tools });
    if (seen.well) return seen.text;
    const details = await inspectContainer(engine, id, tools.signal);
    const lastLines = await lastLogLines(engine, details, LOG_LINES, tools.signal);
    for (const line of lastLines) tools.log.info(`  | ${line}`);
    throw new DockformError("failed", `the drill of ${archivePath} failed: ${seen.text}`, {
      hint: "The last lines of its output are above. The snapshot may be damaged, taken at a bad moment, or what was started needs more than this volume.",
      data: { last_lines: lastLines },
    });
  } finally {
    progress.end();
  }
}

interface Seen {
  readonly well: boolean;
  readonly text: string;
}

async function watch(
  engine: EngineClient,
  id: string,
  steadyWillDo: boolean,
  { timeoutMs, tools }: { readonly timeoutMs: number; readonly tools: Tools },
): Promise<Seen> {
  const beganMs = performance.now();
  for (;;) {
    const details = await inspectContainer(engine, id, tools.signal);
    const elapsedMs = performance.now() - beganMs;
    const seen = judge(details, steadyWillDo && elapsedMs >= STEADY_MS);
    if (seen !== undefined) return seen;
    if (elapsedMs >= timeoutMs) {
      const waitedFor = details.State.Health === undefined ? "ended" : "healthy";
      return {
        well: false,
        text: `it was not ${waitedFor} after ${Math.round(timeoutMs / 1000)} s`,
      };
    }
    await sleep(POLL_MS, undefined, { signal: tools.signal });
  }
}

/** What a container's state says; `undefined` while nothing can be said yet. */
function judge({ State }: ContainerDetails, steady: boolean): Seen | undefined {
  if (State.Status === "exited" || State.Status === "dead") {
    const text = `it ended with code ${State.ExitCode}`;
    return { well: State.ExitCode === 0, text };
  }
  switch (State.Health?.Status ?? "none") {
    case "healthy":
      return { well: true, text: "it is healthy" };
    case "unhealthy":
      return { well: false, text: "it is unhealthy" };
    case "starting":
      return undefined;
    case "none":
      return steady
        ? { well: true, text: `it ran for ${STEADY_MS / 1000} s; it has no health check` }
        : undefined;
  }
}

async function record(
  archivePath: string,
  provenAt: string,
  provenBy: string,
  { log }: Tools,
): Promise<boolean> {
  await using archive = await Archive.open(archivePath);
  if (archive.sidecarPath === undefined || (await archive.sidecar()) === undefined) {
    log.warn(`${archivePath} has no sidecar to record in that it is proven`);
    return false;
  }
  await amendSidecar(archive.sidecarPath, {
    proven_at: provenAt,
    proven_by: provenBy,
  });
  return true;
}

function nameOf({ Name }: ContainerConfig): string {
  return Name.replace(/^\//, "");
}
