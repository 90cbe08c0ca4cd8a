import { CONTAINER_WORK } from "./answer-limit.ts";
import type { EngineClient } from "./client.ts";
import { listOf, objectOf, optional, recordOf, text } from "./shape.ts";

/** A network as `GET /networks` lists it. */
export interface EngineNetwork {
  readonly id: string;
  readonly labels: Readonly<Record<string, string>>;
}

const CREATED = objectOf({ Id: text });
const NETWORKS = listOf(objectOf({ Id: text, Labels: optional(recordOf(text)) }));

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
  const answer = await engine.ask("POST", "/networks/create", CREATED, {
    limit: CONTAINER_WORK,
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
  const answer = await engine.ask("GET", "/networks", NETWORKS, {
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
  await engine.json("DELETE", `/networks/${id}`, { limit: CONTAINER_WORK, signal });
}
