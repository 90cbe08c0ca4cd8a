import type { Readable } from "node:stream";
import { DockformError } from "../errors.ts";
import { EndlessAnswerError, readLines } from "./answer-body.ts";
import { DATA_WORK, PROGRESS } from "./answer-limit.ts";
import type { EngineClient } from "./client.ts";
import { isNotFound } from "./client.ts";
import { listOf, number, objectOf, optional, text } from "./shape.ts";

const IMAGE = objectOf({ Id: text });
/** Created is a time in seconds since 1970. */
const IMAGES = listOf(objectOf({ RepoTags: optional(listOf(text)), Created: number }));
/** Hours of progress bars; each line of one is some hundred bytes, and those of a build are as long as its output. */
const PROGRESS_BYTES = { lineBytes: 256 * 1024, bytes: 256 * 1024 * 1024 };

/** Whether the engine has an image of that name; returns its id. */
export async function findImage(
  engine: EngineClient,
  reference: string,
  signal?: AbortSignal,
): Promise<string | undefined> {
  try {
    const answer = await engine.ask("GET", `/images/${encodeURIComponent(reference)}/json`, IMAGE, {
      signal,
    });
    return answer.Id;
  } catch (error) {
    if (isNotFound(error)) return undefined;
    throw error;
  }
}

/** The names of the engine's images of a repository, with their tags, the newest first. */
export async function imagesNamed(
  engine: EngineClient,
  repository: string,
  signal?: AbortSignal,
): Promise<readonly string[]> {
  const query = { filters: JSON.stringify({ reference: [repository] }) };
  const answer = await engine.ask("GET", "/images/json", IMAGES, { query, signal });
  return (
    answer
      .toSorted((a, b) => b.Created - a.Created)
      .flatMap(({ RepoTags }) => RepoTags ?? [])
      // Podman says which registry a name without one would be of.
      .map((name) => name.replace(/^(?:docker\.io\/library|localhost)\//, ""))
      .filter((name) => name.startsWith(`${repository}:`))
  );
}

/** Pulls an image from the registry that its name says. */
export async function pullImage(
  engine: EngineClient,
  reference: string,
  signal?: AbortSignal,
): Promise<void> {
  const answer = await engine.stream("POST", "/images/create", {
    query: { fromImage: reference },
    limit: PROGRESS,
    signal,
  });
  await followProgress(engine, answer, `cannot pull ${reference}`);
}

/** Makes an image of one layer from a tar stream of a root file system. */
export async function importImage(
  engine: EngineClient,
  rootfs: Readable,
  image: { readonly repository: string; readonly tag: string; readonly changes: readonly string[] },
  signal?: AbortSignal,
): Promise<void> {
  // With a tag of its own: Podman 4.3 does not hear of one that stands apart.
  const query = new URLSearchParams({ fromSrc: "-", repo: `${image.repository}:${image.tag}` });
  for (const change of image.changes) query.append("changes", change);
  const answer = await engine.stream("POST", `/images/create?${query.toString()}`, {
    body: rootfs,
    limit: DATA_WORK,
    signal,
  });
  await followProgress(engine, answer, `cannot import ${image.repository}:${image.tag}`);
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
    limit: PROGRESS,
    signal,
  });
  await followProgress(engine, answer, `cannot build ${reference}`);
}

/** The engine reports failures of these calls inside a stream of JSON lines with status 200. */
async function followProgress(
  engine: EngineClient,
  answer: Readable,
  failure: string,
): Promise<void> {
  let problem: string | undefined;
  try {
    for await (const line of readLines(answer, PROGRESS_BYTES)) problem ??= errorIn(line);
  } catch (error) {
    const isOdd = error instanceof EndlessAnswerError || error instanceof SyntaxError;
    throw isOdd ? engine.notAnEngine("a pull, build or import", error) : error;
  }
  if (problem !== undefined)
    throw new DockformError("engine.image-failed", `${failure}: ${problem}`);
}

/** @throws SyntaxError when it is no JSON. */
function errorIn(line: string): string | undefined {
  const message: unknown = JSON.parse(line);
  if (typeof message !== "object" || message === null)
    throw new SyntaxError("a line is not an object");
  return "error" in message ? String(message.error) : undefined;
}
