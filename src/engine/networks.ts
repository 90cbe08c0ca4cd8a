import type { EngineClient } from "./client.ts";

/** A network as `GET /networks` lists it. */
export interface EngineNetwork {
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * Creates a bridge from which nothing but its own containers can be reached: no route leads out of it, and
 * the host has no address on it.
 */
export async function createIsolatedNetwork(
  engine: EngineClient,
  name: string,
  labels: Readonly<Record<string, string>>,
  signal?: AbortSignal,
): Promise<string> {
  const answer = await engine.json<{ readonly Id: string }>("POST", "/networks/create", {
    body: {
      Name: name,
      Driver: "bridge",
      Internal: true,
      Labels: labels,
      Options: { "com.docker.network.bridge.inhibit_ipv4": "true" },
    },
    signal,
  });
  return answer.Id;
}

/** Networks that carry a label, whatever its value. */
export async function listNetworks(
  engine: EngineClient,
  label: string,
  signal?: AbortSignal,
): Promise<readonly EngineNetwork[]> {
  interface NetworkAnswer {
    readonly Id: string;
    readonly Labels: Readonly<Record<string, string>> | null;
  }
  const answer = await engine.json<readonly NetworkAnswer[]>("GET", "/networks", {
    query: { filters: JSON.stringify({ label: [label] }) },
    signal,
  });
  return answer.map(({ Id, Labels }) => ({ id: Id, labels: Labels ?? {} }));
}

export async function removeNetwork(
  engine: EngineClient,
  id: string,
  signal?: AbortSignal,
): Promise<void> {
  await engine.json("DELETE", `/networks/${id}`, { signal });
}
