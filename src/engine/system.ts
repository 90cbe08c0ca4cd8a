import type { EngineClient } from "./client.ts";
import { machineOf } from "./podman.ts";
import { objectOf, optional, text } from "./shape.ts";

/** What is needed of `GET /info`. */
export interface EngineInfo {
  readonly id: string;
  readonly serverVersion: string;
  /** `linux` or `windows`. */
  readonly operatingSystem: string;
  /** As `uname -m` says it on the engine's host: `x86_64`, `aarch64`. */
  readonly architecture: string;
  /** What the engine's clock says; `undefined` where the engine does not tell. */
  readonly time: Date | undefined;
}

const INFO = objectOf({
  ID: text,
  ServerVersion: text,
  OSType: text,
  Architecture: text,
  /** RFC 3339. */
  SystemTime: optional(text),
});

export async function engineInfo(engine: EngineClient, signal?: AbortSignal): Promise<EngineInfo> {
  const answer = await engine.ask("GET", "/info", INFO, { signal });
  return {
    id: answer.ID,
    serverVersion: answer.ServerVersion,
    operatingSystem: answer.OSType,
    architecture: machineOf(answer.Architecture),
    time: answer.SystemTime === undefined ? undefined : new Date(answer.SystemTime),
  };
}
