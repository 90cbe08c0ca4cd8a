import type { EngineClient } from "./client.ts";

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

interface InfoAnswer {
  readonly ID: string;
  readonly ServerVersion: string;
  readonly OSType: string;
  readonly Architecture: string;
  /** RFC 3339. */
  readonly SystemTime?: string;
}

export async function engineInfo(engine: EngineClient, signal?: AbortSignal): Promise<EngineInfo> {
  const answer = await engine.json<InfoAnswer>("GET", "/info", { signal });
  return {
    id: answer.ID,
    serverVersion: answer.ServerVersion,
    operatingSystem: answer.OSType,
    architecture: answer.Architecture,
    time: answer.SystemTime === undefined ? undefined : new Date(answer.SystemTime),
  };
}
