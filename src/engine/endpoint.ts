import { createHash } from "node:crypto";
import { access, readFile } from "node:fs/promises";
import { join } from "node:path";
import { DockformError, systemCode } from "../errors.ts";

/** Where an engine listens, as one docker context names it. */
export interface EngineEndpoint {
  /** The docker context's name, as shown to people and used in snapshot folders. */
  readonly context: string;
  /** `unix:///path`, `tcp://host:port` or `ssh://user@host`. */
  readonly host: string;
  /** How a connection by TCP is secured; left out where it is not. */
  readonly tls?: TlsSettings | undefined;
  /** Whether somebody has allowed a connection that anybody on the way can read, or pretend to be. */
  readonly allowsInsecure?: boolean;
  /** What ssh is run with; needed for `ssh://`. */
  readonly local?: LocalSide;
}

/** As the docker CLI keeps it. */
export interface TlsSettings {
  /** Holds `ca.pem`, `cert.pem` and `key.pem`, as far as they are needed. */
  readonly folder: string;
  /** Whether the engine has to prove who it is. */
  readonly verifies: boolean;
}

/** This side of a connection. */
export interface LocalSide {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly temporaryFolder: string;
}

/** What the resolution of a context depends on; injected so that it can be tested. */
export interface EndpointEnvironment extends LocalSide {
  /** `--insecure` */
  readonly insecure: boolean;
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
  const { insecure: allowsInsecure, env, temporaryFolder, platform } = environment;
  const about = { context, allowsInsecure, local: { env, temporaryFolder } };
  // What the docker CLI is told by `--host` is secured as its environment says, too.
  const tls = tlsOfEnvironment(environment);
  if (host !== undefined) return { ...about, host, tls };
  if (context === "default") {
    return { ...about, host: env["DOCKER_HOST"] || defaultHost(platform), tls };
  }
  return { ...about, ...(await storedEndpoint(context, environment)) };
}

/** DOCKER_CERT_PATH alone is enough here, although not for the docker CLI: whoever names certificates wants them used. */
function tlsOfEnvironment(environment: EndpointEnvironment): TlsSettings | undefined {
  const { env } = environment;
  const folder = env["DOCKER_CERT_PATH"] || configFolder(environment);
  if (env["DOCKER_TLS_VERIFY"] || env["DOCKER_CERT_PATH"]) return { folder, verifies: true };
  return env["DOCKER_TLS"] ? { folder, verifies: false } : undefined;
}

function defaultHost(platform: NodeJS.Platform): string {
  return platform === "win32" ? "npipe:////./pipe/docker_engine" : "unix:///var/run/docker.sock";
}

function configFolder({ env, homeFolder }: EndpointEnvironment): string {
  return env["DOCKER_CONFIG"] || join(homeFolder, ".docker");
}

/** The store's layout: contexts/{meta,tls}/<sha256 of the name>/ (docker/cli, cli/context/store). */
async function storedEndpoint(
  context: string,
  environment: EndpointEnvironment,
): Promise<Pick<EngineEndpoint, "host" | "tls">> {
  const store = join(configFolder(environment), "contexts");
  const digest = createHash("sha256").update(context).digest("hex");
  const metaFile = join(store, "meta", digest, "meta.json");
  const meta = await readJsonFile(metaFile);
  if (meta === undefined) {
    throw new DockformError("context.not-found", `docker context "${context}" does not exist`, {
      hint: "Run `docker context ls` to see the contexts there are, or give the context a `host` in the manifest.",
    });
  }
  const docker = field(field(meta, "Endpoints"), "docker");
  const host = field(docker, "Host");
  if (typeof host !== "string" || host === "") {
    throw new DockformError(
      "context.no-endpoint",
      `docker context "${context}" has no docker endpoint`,
      {
        hint: `Look at ${metaFile}, or create the context again with \`docker context create\`.`,
      },
    );
  }
  return {
    host,
    tls: await storedTls(join(store, "tls", digest, "docker"), field(docker, "SkipTLSVerify")),
  };
}

/** A context has TLS where there is a folder for it, or the meta data says that nothing is to be verified. */
async function storedTls(folder: string, skipsVerify: unknown): Promise<TlsSettings | undefined> {
  if (skipsVerify === true) return { folder, verifies: false };
  try {
    await access(folder);
    return { folder, verifies: true };
  } catch {
    return undefined;
  }
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
