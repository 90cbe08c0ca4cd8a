import { EngineApiError } from "../../src/engine/client.ts";
import type { RestartPolicy } from "../../src/engine/containers.ts";
import type { ContainerDefinition, FakeContainer } from "./container.ts";
import { imageId, type FakeEngine, type FakeVolume } from "./engine.ts";

/** A call of the Engine API that is answered in JSON. */
export interface ApiRequest {
  readonly method: string;
  /** Without the API's version and the query. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  /** JSON. */
  readonly body: string;
}

type Handler = (engine: FakeEngine, call: ApiRequest, id: string) => unknown;

/** @throws EngineApiError as the engine answers; Error for a call that the fake does not know. */
export async function answer(engine: FakeEngine, call: ApiRequest): Promise<unknown> {
  for (const [method, pattern, handle] of ROUTES) {
    const match = method === call.method && pattern.exec(call.path);
    if (match) return handle(engine, call, decodeURIComponent(match[1] ?? ""));
  }
  throw new Error(`the fake engine does not know ${call.method} ${call.path}`);
}

const LINUX = { OSType: "linux", Architecture: "x86_64" };

const ROUTES: readonly (readonly [string, RegExp, Handler])[] = [
  ["GET", /^\/info$/, ({ id }) => ({ ID: id, ServerVersion: "20.10", ...LINUX })],
  ["GET", /^\/system\/df$/, (engine) => ({ Volumes: [...engine.volumes.values()].map(showUsage) })],
  ["GET", /^\/networks$/, () => []],
  ["GET", /^\/images\/([^/]+)\/json$/, inspectImage],
  ["GET", /^\/volumes$/, (engine) => ({ Volumes: [...engine.volumes.values()].map(showVolume) })],
  ["GET", /^\/volumes\/([^/]+)$/, (engine, _, name) => showVolume(engine.volume(name))],
  ["POST", /^\/volumes\/create$/, createVolume],
  ["DELETE", /^\/volumes\/([^/]+)$/, (engine, _, name) => engine.removeVolume(name)],
  ["GET", /^\/containers\/json$/, listContainers],
  ["POST", /^\/containers\/create$/, createContainer],
  ["GET", /^\/containers\/([^/]+)\/json$/, (engine, _, id) => inspect(engine.container(id))],
  ["POST", /^\/containers\/([^/]+)\/start$/, (engine, _, id) => engine.startContainer(id)],
  ["POST", /^\/containers\/([^/]+)\/stop$/, (engine, _, id) => engine.stopContainer(id)],
  ["POST", /^\/containers\/([^/]+)\/kill$/, (engine, _, id) => engine.killContainer(id)],
  ["POST", /^\/containers\/([^/]+)\/pause$/, (engine, _, id) => engine.pauseContainer(id)],
  ["POST", /^\/containers\/([^/]+)\/unpause$/, (engine, _, id) => engine.unpauseContainer(id)],
  ["POST", /^\/containers\/([^/]+)\/update$/, updateContainer],
  ["POST", /^\/containers\/([^/]+)\/wait$/, waitContainer],
  ["DELETE", /^\/containers\/([^/]+)$/, removeContainer],
  ["POST", /^\/containers\/([^/]+)\/exec$/, createExec],
  ["HEAD", /^\/containers\/([^/]+)\/archive$/, lookForFile],
];

function inspectImage(engine: FakeEngine, _: ApiRequest, reference: string): unknown {
  if (!engine.images.has(reference)) throw new EngineApiError(404, `No such image: ${reference}`);
  return { Id: imageId(reference), Config: {} };
}

function showVolume({ name, driver, options, labels }: FakeVolume): unknown {
  const Mountpoint = `/volumes/${name}/_data`;
  return { Name: name, Driver: driver, Mountpoint, Options: options, Labels: labels };
}

function showUsage({ name }: FakeVolume): unknown {
  return { Name: name, UsageData: { Size: 1000, RefCount: -1 } };
}

function createVolume(engine: FakeEngine, { body }: ApiRequest): unknown {
  const {
    Name,
    Driver,
    DriverOpts,
    Labels,
  }: {
    readonly Name: string;
    readonly Driver: string;
    readonly DriverOpts: Readonly<Record<string, string>>;
    readonly Labels: Readonly<Record<string, string>>;
  } = JSON.parse(body);
  return showVolume(
    engine.createVolume(Name, { driver: Driver, options: DriverOpts, labels: Labels }),
  );
}

function listContainers(engine: FakeEngine, { query }: ApiRequest): unknown {
  const filters: { readonly label?: readonly string[] } = JSON.parse(query["filters"] ?? "{}");
  const wanted = filters.label ?? [];
  return [...engine.containers.values()]
    .filter(({ definition: { Labels = {} } }) =>
      wanted.every((filter) => {
        const [key = "", ...value] = filter.split("=");
        return value.length === 0 ? key in Labels : Labels[key] === value.join("=");
      }),
    )
    .map(summarize);
}

function summarize(container: FakeContainer): unknown {
  return {
    Id: container.id,
    Names: [`/${container.name}`],
    Image: container.definition.Image,
    ImageID: container.imageId,
    State: container.state,
    Status: statusText(container),
    Labels: container.definition.Labels ?? {},
    Mounts: showMounts(container),
  };
}

function statusText({ state, exitCode }: FakeContainer): string {
  if (state === "exited") return `Exited (${exitCode}) Less than a second ago`;
  return state === "created" ? "Created" : "Up 1 second";
}

function showMounts({ mounts }: FakeContainer): readonly unknown[] {
  return mounts.map(({ Type, Source = "", Target, ReadOnly = false }) => ({
    Type,
    ...(Type === "volume" ? { Name: Source, Source: `/volumes/${Source}/_data` } : { Source }),
    Destination: Target,
    RW: !ReadOnly,
  }));
}

function inspect(container: FakeContainer): unknown {
  const { definition, state, exitCode, startedAt, finishedAt, health } = container;
  return {
    Id: container.id,
    Name: `/${container.name}`,
    Created: container.created,
    RestartCount: container.restartCount,
    Image: container.imageId,
    State: {
      Status: state,
      ExitCode: exitCode,
      StartedAt: startedAt,
      FinishedAt: finishedAt,
      Error: "",
      ...(health === undefined ? {} : { Health: health }),
    },
    Config: { ...definition, Tty: definition.Tty ?? false },
    HostConfig: {
      ...definition.HostConfig,
      AutoRemove: definition.HostConfig?.AutoRemove ?? false,
      RestartPolicy: container.restartPolicy,
    },
    Mounts: showMounts(container),
  };
}

function createContainer(engine: FakeEngine, { query, body }: ApiRequest): unknown {
  const definition: ContainerDefinition = JSON.parse(body);
  return { Id: engine.createContainer(query["name"] ?? "", definition).id };
}

function updateContainer(engine: FakeEngine, { body }: ApiRequest, id: string): unknown {
  const { RestartPolicy }: { readonly RestartPolicy?: RestartPolicy } = JSON.parse(body);
  const container = engine.container(id);
  if (RestartPolicy !== undefined) container.restartPolicy = RestartPolicy;
  return { Warnings: [] };
}

async function waitContainer(engine: FakeEngine, _: ApiRequest, id: string): Promise<unknown> {
  return { StatusCode: await engine.container(id).wait() };
}

function removeContainer(
  engine: FakeEngine,
  { query }: ApiRequest,
  id: string,
): Promise<undefined> {
  return engine.removeContainer(id, query["force"] === "1").then(() => undefined);
}

function createExec(engine: FakeEngine, { body }: ApiRequest, id: string): unknown {
  const { Cmd }: { readonly Cmd: readonly string[] } = JSON.parse(body);
  return { Id: engine.createExec(id, Cmd) };
}

/** An engine looks through the container's mounts, also of one that was never started. */
function lookForFile(engine: FakeEngine, { query }: ApiRequest, id: string): unknown {
  const path = query["path"] ?? "";
  for (const { Type, Source = "", Target } of engine.container(id).mounts) {
    if (Type !== "volume" || !path.startsWith(`${Target}/`)) continue;
    const wanted = path.slice(Target.length + 1);
    const { files } = engine.volume(Source);
    const found = [...files.keys()].some(
      (file) => file === wanted || file.startsWith(`${wanted}/`),
    );
    if (found) return undefined;
  }
  throw new EngineApiError(404, `Could not find the file ${path} in container ${id}`);
}
