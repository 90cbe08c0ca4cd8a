import type { EngineClient } from "../engine/client.ts";
import type { EndpointEnvironment, EngineEndpoint } from "../engine/endpoint.ts";
import type { Tools } from "../tools.ts";

/** The machine and the process around a use case, as far as it may see them; the face fills it in. */
export interface Surroundings extends EndpointEnvironment {
  /** Absolute: where relative paths start from. */
  readonly cwd: string;
  /** As `uname -m` says it. */
  readonly machine: string;
  /** A client of the engine that listens there. */
  readonly connect: (endpoint: EngineEndpoint) => EngineClient;
  readonly tools: Tools;
}
