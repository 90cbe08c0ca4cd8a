import type { Duplex } from "node:stream";
import type { EngineClient } from "./client.ts";

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
  readonly labels: Readonly<Record<string, string>>;
  readonly mounts: readonly ContainerMount[];
}

interface ContainerListAnswer {
  readonly Id: string;
  readonly Names: readonly string[] | null;
  readonly Image: string;
  readonly ImageID: string;
  readonly State: ContainerState;
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

/** What is needed of `GET /containers/{id}/json`. */
export interface ContainerDetails {
  readonly Id: string;
  readonly Name: string;
  readonly State: {
    readonly Status: ContainerState;
    readonly ExitCode: number;
    readonly StartedAt: string;
    readonly Error: string;
  };
  readonly HostConfig: { readonly AutoRemove: boolean };
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
 * Creates a container and answers its id.
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

/** Waits until a container has ended and answers its exit code. */
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

/** Removes a container, running or not, together with its anonymous volumes. */
export async function removeContainer(
  engine: EngineClient,
  id: string,
  signal?: AbortSignal,
): Promise<void> {
  await engine.json("DELETE", `/containers/${id}`, {
    query: { force: "1", v: "1" },
    signal,
  });
}

/**
 * Runs a command in a running container and answers the connection to it. Output of an exec is not
 * written to the container's log.
 */
export async function execInContainer(
  engine: EngineClient,
  id: string,
  exec: { readonly command: readonly string[]; readonly stdin: boolean },
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
  });
}
