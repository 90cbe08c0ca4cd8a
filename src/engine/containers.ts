import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { EndlessAnswerError, readBytes } from "./answer-body.ts";
import { CONTAINER_WORK, stopLimit, UNLIMITED } from "./answer-limit.ts";
import { EngineApiError, isNotFound, type EngineClient, type TakeOverOptions } from "./client.ts";
import { joinFrames } from "./multiplex.ts";
import { dockersHealth, dockersState } from "./podman.ts";
import {
  flag,
  listOf,
  number,
  objectOf,
  oneOf,
  optional,
  recordOf,
  text,
  type Shape,
  type Shaped,
} from "./shape.ts";

const ATTEMPTS = 5;
const ATTEMPT_PAUSE_MS = 200;
/** What an engine gives a container that asks for no other time. */
const ENGINE_STOP_SECONDS = 10;
const LOG_BYTES = 16 * 1024 * 1024;

const STATES = [
  "created",
  "running",
  "paused",
  "restarting",
  "removing",
  "exited",
  "dead",
] as const;

export type ContainerState = (typeof STATES)[number];

/** A mount as the container list shows it. */
export interface ContainerMount {
  readonly type: string;
  /** The volume's name, for mounts of type `volume`. */
  readonly name: string | undefined;
  /** The folder on the engine's host. */
  readonly source: string;
  readonly readWrite: boolean;
}

/** A container as `GET /containers/json` lists it. */
export interface ContainerSummary {
  readonly id: string;
  readonly name: string;
  readonly image: string;
  readonly imageId: string;
  readonly state: ContainerState;
  /** Of a container that has ended; `undefined` for any other. */
  readonly exitCode: number | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly mounts: readonly ContainerMount[];
}

export interface RestartPolicy {
  /** `no`, `always`, `unless-stopped`, `on-failure`, or empty for `no`. */
  readonly Name: string;
  readonly MaximumRetryCount: number;
}

const DOCKERS_STATE = oneOf(STATES);
const STATE: Shape<ContainerState> = (value, at) => DOCKERS_STATE(dockersState(value), at);
const DOCKERS_HEALTH = oneOf(["none", "starting", "healthy", "unhealthy"]);
const HEALTH: typeof DOCKERS_HEALTH = (value, at) => DOCKERS_HEALTH(dockersHealth(value), at);
const CONTAINERS = listOf(
  objectOf({
    Id: text,
    Names: optional(listOf(text)),
    Image: text,
    ImageID: text,
    State: STATE,
    /** For people: `Exited (137) 5 minutes ago`. */
    Status: text,
    Labels: optional(recordOf(text)),
    Mounts: optional(
      listOf(objectOf({ Type: text, Name: optional(text), Source: optional(text), RW: flag })),
    ),
  }),
);
const DETAILS = objectOf({
  Id: text,
  Name: text,
  /** RFC 3339, by the engine's clock. */
  Created: text,
  RestartCount: number,
  State: objectOf({
    Status: STATE,
    ExitCode: number,
    StartedAt: text,
    /** In the year 1 where it has not ended yet. */
    FinishedAt: text,
    Error: text,
    /** Only of a container with a health check. */
    Health: optional(
      objectOf({
        Status: HEALTH,
        Log: optional(listOf(objectOf({ Output: text }))),
      }),
    ),
  }),
  Config: objectOf({
    Tty: flag,
    /** In seconds, after which a stop kills it; negative for never. */
    StopTimeout: optional(number),
  }),
  HostConfig: objectOf({
    AutoRemove: flag,
    RestartPolicy: objectOf<RestartPolicy>({ Name: text, MaximumRetryCount: number }),
  }),
});
const CREATED = objectOf({ Id: text });
const ENDED = objectOf({ StatusCode: number });

/** What is needed of `GET /containers/{id}/json`. */
export type ContainerDetails = Shaped<typeof DETAILS>;

/** The list has the exit code only in its text for people. */
function exitCodeIn(status: string): number | undefined {
  const code = /^Exited \((\d+)\)/.exec(status)?.[1];
  return code === undefined ? undefined : Number(code);
}

/** Containers of the engine, running or not, narrowed by the API's own filters. */
export async function listContainers(
  engine: EngineClient,
  options: {
    readonly filters?: Readonly<Record<string, readonly string[]>>;
    readonly signal?: AbortSignal | undefined;
  } = {},
): Promise<readonly ContainerSummary[]> {
  const answer = await engine.ask("GET", "/containers/json", CONTAINERS, {
    query: { all: "1", ...(options.filters && { filters: JSON.stringify(options.filters) }) },
    signal: options.signal,
  });
  return answer.map((container) => ({
    id: container.Id,
    name: container.Names?.[0]?.replace(/^\//, "") ?? container.Id.slice(0, 12),
    image: container.Image,
    imageId: container.ImageID,
    state: container.State,
    exitCode: exitCodeIn(container.Status),
    labels: container.Labels ?? {},
    mounts: (container.Mounts ?? []).map((mount) => ({
      type: mount.Type,
      name: mount.Name,
      source: mount.Source ?? "",
      readWrite: mount.RW,
    })),
  }));
}

export async function inspectContainer(
  engine: EngineClient,
  id: string,
  signal?: AbortSignal,
): Promise<ContainerDetails> {
  const path = `/containers/${id}/json`;
  return engine.ask("GET", path, DETAILS, { limit: CONTAINER_WORK, signal });
}

/**
 * Creates a container and returns its id.
 *
 * @throws EngineApiError 409 when the name is taken, 404 when the image is missing.
 */
export async function createContainer(
  engine: EngineClient,
  name: string,
  definition: Readonly<Record<string, unknown>>,
  signal?: AbortSignal,
): Promise<string> {
  const { Id } = await engine.ask("POST", "/containers/create", CREATED, {
    limit: CONTAINER_WORK,
    query: { name },
    body: definition,
    signal,
  });
  return Id;
}

/** Connects to the stdin, stdout and stderr of a container, before it is started. */
export function attachContainer(
  engine: EngineClient,
  id: string,
  signal?: AbortSignal,
): Promise<Duplex> {
  return engine.takeOver(`/containers/${id}/attach`, {
    query: { stream: "1", stdin: "1", stdout: "1", stderr: "1" },
    limit: CONTAINER_WORK,
    signal,
  });
}

/** Starts a container; one that runs already is left as it is. */
export async function startContainer(
  engine: EngineClient,
  id: string,
  signal?: AbortSignal,
): Promise<void> {
  await engine.json("POST", `/containers/${id}/start`, { limit: CONTAINER_WORK, signal });
}

/** Stops a container with its own stop signal and its own stop timeout, which is waited for. */
export async function stopContainer(
  engine: EngineClient,
  id: string,
  timeoutSeconds = ENGINE_STOP_SECONDS,
  signal?: AbortSignal,
): Promise<void> {
  await engine.json("POST", `/containers/${id}/stop`, { limit: stopLimit(timeoutSeconds), signal });
}

/** Ends a container at once, with SIGKILL. */
export async function killContainer(
  engine: EngineClient,
  id: string,
  signal?: AbortSignal,
): Promise<void> {
  await engine.json("POST", `/containers/${id}/kill`, { limit: CONTAINER_WORK, signal });
}

export async function pauseContainer(
  engine: EngineClient,
  id: string,
  signal?: AbortSignal,
): Promise<void> {
  await engine.json("POST", `/containers/${id}/pause`, { limit: CONTAINER_WORK, signal });
}

export async function unpauseContainer(
  engine: EngineClient,
  id: string,
  signal?: AbortSignal,
): Promise<void> {
  await engine.json("POST", `/containers/${id}/unpause`, { limit: CONTAINER_WORK, signal });
}

/** Waits until a container has ended, however long that takes, and returns its exit code. */
export async function waitContainer(
  engine: EngineClient,
  id: string,
  signal?: AbortSignal,
): Promise<number> {
  const answer = await engine.ask("POST", `/containers/${id}/wait`, ENDED, {
    limit: UNLIMITED,
    signal,
  });
  return answer.StatusCode;
}

/**
 * Sets what the engine does when a container ends, or the engine starts. Where the container ends just then,
 * an engine (20.10) finds no task of it and changes nothing.
 */
export async function setRestartPolicy(
  engine: EngineClient,
  id: string,
  policy: RestartPolicy,
  signal?: AbortSignal,
): Promise<void> {
  const body = { RestartPolicy: policy };
  const options = { body, limit: CONTAINER_WORK, signal };
  await insist(async () => {
    await engine.json("POST", `/containers/${id}/update`, options);
  }, signal);
}

/** Whether an engine can set a restart policy at all: Podman can from version 5 on. The container is left as it is. */
export async function canSetRestartPolicy(
  engine: EngineClient,
  id: string,
  asItIs: RestartPolicy,
  signal?: AbortSignal,
): Promise<boolean> {
  if (!(await engine.isPodman(signal))) return true;
  try {
    await setRestartPolicy(engine, id, asItIs, signal);
    return true;
  } catch (error) {
    if (error instanceof EngineApiError && error.statusCode === 501) return false;
    throw error;
  }
}

/** The last lines that a container wrote, standard output and error as they came. */
export async function lastLogLines(
  engine: EngineClient,
  { Id, Config }: Pick<ContainerDetails, "Id" | "Config">,
  count: number,
  signal?: AbortSignal,
): Promise<readonly string[]> {
  const log = await engine.stream("GET", `/containers/${Id}/logs`, {
    query: { stdout: "1", stderr: "1", tail: String(count) },
    signal,
  });
  const bytes = await readBytes(log, LOG_BYTES).catch((error: unknown) => {
    throw error instanceof EndlessAnswerError ? engine.notAnEngine("logs", error) : error;
  });
  const lines = Config.Tty ? bytes.toString() : joinFrames(bytes).toString();
  return lines.trimEnd().split(/\r?\n/).slice(-count);
}

/** Removes a container that does not run; a running one is left alone. */
export async function removeStoppedContainer(
  engine: EngineClient,
  id: string,
  signal?: AbortSignal,
): Promise<void> {
  await deleteContainer(engine, id, { v: "1" }, signal);
}

/** Removes a container, running or not, together with its anonymous volumes. */
export async function removeContainer(
  engine: EngineClient,
  id: string,
  signal?: AbortSignal,
): Promise<void> {
  await deleteContainer(engine, id, { force: "1", v: "1" }, signal);
}

async function deleteContainer(
  engine: EngineClient,
  id: string,
  query: Readonly<Record<string, string>>,
  signal: AbortSignal | undefined,
): Promise<void> {
  // An engine that still writes into a container's folder while it deletes it fails, for once.
  await insist(async (attempt) => {
    try {
      await engine.json("DELETE", `/containers/${id}`, { query, limit: CONTAINER_WORK, signal });
    } catch (error) {
      if (attempt === 1 || !isNotFound(error)) throw error;
    }
  }, signal);
}

/** Calls again, for a second, where the engine fails in what may pass by itself. */
async function insist(
  call: (attempt: number) => Promise<void>,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await call(attempt);
      return;
    } catch (error) {
      const mayPass = error instanceof EngineApiError && error.statusCode === 500;
      if (!mayPass || attempt === ATTEMPTS) throw error;
      await sleep(ATTEMPT_PAUSE_MS, undefined, { signal });
    }
  }
}

/**
 * Runs a command in a running container and returns the connection to it. Output of an exec is not
 * written to the container's log.
 */
export async function execInContainer(
  engine: EngineClient,
  id: string,
  exec: {
    readonly command: readonly string[];
    readonly stdin: boolean;
    readonly accept?: TakeOverOptions["accept"];
  },
  signal?: AbortSignal,
): Promise<Duplex> {
  const { Id } = await engine.ask("POST", `/containers/${id}/exec`, CREATED, {
    limit: CONTAINER_WORK,
    body: {
      AttachStdin: exec.stdin,
      AttachStdout: true,
      AttachStderr: true,
      Cmd: exec.command,
    },
    signal,
  });
  return engine.takeOver(`/exec/${Id}/start`, {
    limit: CONTAINER_WORK,
    body: { Detach: false, Tty: false },
    signal,
    accept: exec.accept,
  });
}
