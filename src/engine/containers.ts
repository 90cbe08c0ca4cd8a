import type { Duplex } from "node:stream";
import { buffer } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { EngineApiError, isNotFound, type EngineClient, type TakeOverOptions } from "./client.ts";
import { joinFrames } from "./multiplex.ts";

const ATTEMPTS = 5;
const ATTEMPT_PAUSE_MS = 200;

export type ContainerState =
  | "created"
  | "running"
  | "paused"
  | "restarting"
  | "removing"
  | "exited"
  | "dead";

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

interface ContainerListAnswer {
  readonly Id: string;
  readonly Names: readonly string[] | null;
  readonly Image: string;
  readonly ImageID: string;
  readonly State: ContainerState;
  /** For people: `Exited (137) 5 minutes ago`. */
  readonly Status: string;
  readonly Labels: Readonly<Record<string, string>> | null;
  readonly Mounts:
    | readonly {
        readonly Type: string;
        readonly Name?: string;
        readonly Source?: string;
        readonly RW: boolean;
      }[]
    | null;
}

export interface RestartPolicy {
  /** `no`, `always`, `unless-stopped`, `on-failure`, or empty for `no`. */
  readonly Name: string;
  readonly MaximumRetryCount: number;
}

/** What is needed of `GET /containers/{id}/json`. */
export interface ContainerDetails {
  readonly Id: string;
  readonly Name: string;
  /** RFC 3339, by the engine's clock. */
  readonly Created: string;
  readonly RestartCount: number;
  readonly State: {
    readonly Status: ContainerState;
    readonly ExitCode: number;
    readonly StartedAt: string;
    /** In the year 1 where it has not ended yet. */
    readonly FinishedAt: string;
    readonly Error: string;
    /** Only of a container with a health check. */
    readonly Health?: {
      readonly Status: "none" | "starting" | "healthy" | "unhealthy";
      readonly Log: readonly { readonly Output: string }[] | null;
    };
  };
  readonly Config: { readonly Tty: boolean };
  readonly HostConfig: { readonly AutoRemove: boolean; readonly RestartPolicy: RestartPolicy };
}

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
  const answer = await engine.json<readonly ContainerListAnswer[]>("GET", "/containers/json", {
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
  return engine.json("GET", `/containers/${id}/json`, { signal });
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
  const { Id } = await engine.json<{ readonly Id: string }>("POST", "/containers/create", {
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
    signal,
  });
}

/** Starts a container; one that runs already is left as it is. */
export async function startContainer(
  engine: EngineClient,
  id: string,
  signal?: AbortSignal,
): Promise<void> {
  await engine.json("POST", `/containers/${id}/start`, { signal });
}

/** Stops a container with its own stop signal and its own stop timeout. */
export async function stopContainer(
  engine: EngineClient,
  id: string,
  signal?: AbortSignal,
): Promise<void> {
  await engine.json("POST", `/containers/${id}/stop`, { signal });
}

/** Ends a container at once, with SIGKILL. */
export async function killContainer(
  engine: EngineClient,
  id: string,
  signal?: AbortSignal,
): Promise<void> {
  await engine.json("POST", `/containers/${id}/kill`, { signal });
}

export async function pauseContainer(
  engine: EngineClient,
  id: string,
  signal?: AbortSignal,
): Promise<void> {
  await engine.json("POST", `/containers/${id}/pause`, { signal });
}

export async function unpauseContainer(
  engine: EngineClient,
  id: string,
  signal?: AbortSignal,
): Promise<void> {
  await engine.json("POST", `/containers/${id}/unpause`, { signal });
}

/** Waits until a container has ended and returns its exit code. */
export async function waitContainer(
  engine: EngineClient,
  id: string,
  signal?: AbortSignal,
): Promise<number> {
  const answer = await engine.json<{ readonly StatusCode: number }>(
    "POST",
    `/containers/${id}/wait`,
    { signal },
  );
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
  await insist(() => engine.json("POST", `/containers/${id}/update`, { body, signal }), signal);
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
  const bytes = await buffer(log);
  const text = Config.Tty ? bytes.toString() : joinFrames(bytes).toString();
  return text.trimEnd().split(/\r?\n/).slice(-count);
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
      await engine.json("DELETE", `/containers/${id}`, { query, signal });
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
  const { Id } = await engine.json<{ readonly Id: string }>("POST", `/containers/${id}/exec`, {
    body: {
      AttachStdin: exec.stdin,
      AttachStdout: true,
      AttachStderr: true,
      Cmd: exec.command,
    },
    signal,
  });
  return engine.takeOver(`/exec/${Id}/start`, {
    body: { Detach: false, Tty: false },
    signal,
    accept: exec.accept,
  });
}
