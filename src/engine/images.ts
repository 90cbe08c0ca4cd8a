import type { Readable } from "node:stream";
import { createInterface } from "node:readline";
import { DockformError } from "../errors.ts";
import type { EngineClient } from "./client.ts";
import { isNotFound } from "./client.ts";

/** Whether the engine has an image of that name; returns its id. */
export async function findImage(
  engine: EngineClient,
  reference: string,
  signal?: AbortSignal,
): Promise<string | undefined> {
  try {
    const answer = await engine.json<{ readonly Id: string }>(
      "GET",
      `/images/${encodeURIComponent(reference)}/json`,
      { signal },
    );
    return answer.Id;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** Pulls an image from the registry that its name says. */
export async function pullImage(
  engine: EngineClient,
  reference: string,
  signal?: AbortSignal,
): Promise<void> {
  const answer = await engine.stream("POST", "/images/create", {
    query: { fromImage: reference },
    signal,
  });
  await followProgress(answer, `cannot pull ${reference}`);
}

/** Makes an image of one layer from a tar stream of a root file system. */
export async function importImage(
  engine: EngineClient,
  rootfs: Readable,
  image: { readonly repository: string; readonly tag: string; readonly changes: readonly string[] },
  signal?: AbortSignal,
): Promise<void> {
  const query = new URLSearchParams({ fromSrc: "-", repo: image.repository, tag: image.tag });
  for (const change of image.changes) query.append("changes", change);
  const answer = await engine.stream("POST", `/images/create?${query.toString()}`, {
    body: rootfs,
    signal,
  });
  await followProgress(answer, `cannot import ${image.repository}:${image.tag}`);
}

/** Builds an image from a tar stream that holds a Dockerfile. */
export async function buildImage(
  engine: EngineClient,
  context: Readable,
  reference: string,
  signal?: AbortSignal,
): Promise<void> {
  const answer = await engine.stream("POST", "/build", {
    query: { t: reference, rm: "1", forcerm: "1" },
    body: context,
    signal,
  });
  await followProgress(answer, `cannot build ${reference}`);
}

/** The engine reports failures of these calls inside a stream of JSON lines with status 200. */
async function followProgress(answer: Readable, failure: string): Promise<void> {
  let problem: string | undefined;
  for await (const line of createInterface({ input: answer })) {
    if (line.trim() === "") continue;
    const message: unknown = JSON.parse(line);
    if (typeof message === "object" && message !== null && "error" in message) {
      problem ??= String(message.error);
    }
  }
  if (problem !== undefined)
    throw new DockformError("engine.image-failed", `${failure}: ${problem}`);
}
