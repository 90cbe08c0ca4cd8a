import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { DockformError, systemCode } from "../errors.ts";

/** Where an engine listens, as one docker context names it. */
export interface EngineEndpoint {
  /** The docker context's name, as shown to people and used in snapshot folders. */
  readonly context: string;
  /** `unix:///path`, `tcp://host:port` or `ssh://user@host`. */
  readonly host: string;
}

/** What the resolution of a context depends on; injected so that it can be tested. */
export interface EndpointEnvironment {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly homeFolder: string;
  readonly platform: NodeJS.Platform;
}

/**
 * The context the docker CLI would use when nothing names one:
 * DOCKER_HOST means `default`, then DOCKER_CONTEXT, then `currentContext` of its config.json.
 */
export async function currentContextName(environment: EndpointEnvironment): Promise<string> {
  const { env } = environment;
  if (env["DOCKER_HOST"]) return "default";
  if (env["DOCKER_CONTEXT"]) return env["DOCKER_CONTEXT"];
  const config = await readJsonFile(join(configFolder(environment), "config.json"));
  const current = config?.["currentContext"];
  return typeof current === "string" && current !== "" ? current : "default";
}

/**
 * Resolves a context as the docker CLI does: `default` is DOCKER_HOST, else the platform's socket;
 * another name is the given `host`, else an entry of the docker CLI's context store.
 *
 * @throws DockformError `usage` when there is no context of that name.
 */
export async function resolveEndpoint(
  context: string,
  host: string | undefined,
  environment: EndpointEnvironment,
): Promise<EngineEndpoint> {
  if (host !== undefined) return { context, host };
  if (context === "default") {
    return { context, host: environment.env["DOCKER_HOST"] || defaultHost(environment.platform) };
  }
  return { context, host: await storedHost(context, environment) };
}

function defaultHost(platform: NodeJS.Platform): string {
  return platform === "win32" ? "npipe:////./pipe/docker_engine" : "unix:///var/run/docker.sock";
}

function configFolder({ env, homeFolder }: EndpointEnvironment): string {
  return env["DOCKER_CONFIG"] || join(homeFolder, ".docker");
}

/** The store's layout: contexts/meta/<sha256 of the name>/meta.json (docker/cli, cli/context/store). */
async function storedHost(context: string, environment: EndpointEnvironment): Promise<string> {
  const folder = configFolder(environment);
  const digest = createHash("sha256").update(context).digest("hex");
  const metaFile = join(folder, "contexts", "meta", digest, "meta.json");
  const meta = await readJsonFile(metaFile);
  if (meta === undefined) {
    throw new DockformError("context.not-found", `docker context "${context}" does not exist`, {
      hint: "Run `docker context ls` to see the contexts there are, or give the context a `host` in the manifest.",
    });
  }
  const host = endpointHost(meta);
  if (host === undefined) {
    throw new DockformError(
      "context.no-endpoint",
      `docker context "${context}" has no docker endpoint`,
      {
        hint: `Look at ${metaFile}, or create the context again with \`docker context create\`.`,
      },
    );
  }
  return host;
}

function endpointHost(meta: Readonly<Record<string, unknown>>): string | undefined {
  const docker = field(field(meta, "Endpoints"), "docker");
  const host = field(docker, "Host");
  return typeof host === "string" && host !== "" ? host : undefined;
}

function field(value: unknown, name: string): unknown {
  return isRecord(value) ? value[name] : undefined;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

async function readJsonFile(file: string): Promise<Readonly<Record<string, unknown>> | undefined> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw new DockformError("context.unreadable", `cannot read ${file}`, {
      hint: "Check the file's permissions.",
      cause: error,
    });
  }
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : {};
  } catch (error) {
    throw new DockformError("context.invalid", `${file} is not valid JSON`, {
      hint: "The docker CLI wrote this file; repair or remove it.",
      cause: error,
    });
  }
}
