import { createReadStream } from "node:fs";
import { buffer } from "node:stream/consumers";

import { EngineApi, PREFIX, uniqueName } from "./engine-api.ts";

/** An image that is taken away at the end of its scope. */
export interface TestImage extends AsyncDisposable {
  /** repository:tag */
  readonly reference: string;
}

export interface ImportOptions {
  /** Without the prefix that all test objects carry. */
  readonly name: string;
  /** The whole reference instead, where a test needs a certain one. */
  readonly reference?: string;
  /** Lines as in a Dockerfile: CMD, ENV, USER, VOLUME, ... */
  readonly changes?: readonly string[];
}

/**
 * Makes an image of a root file system, with no registry.
 *
 * Every call gives it a tag of its own: test files share an engine, and one of
 * them must not take away what another is about to use.
 */
export async function importImage(
  host: string,
  rootfs: string,
  options: ImportOptions,
): Promise<TestImage> {
  const engine = new EngineApi(host);
  const tag = uniqueName().slice(PREFIX.length);
  const reference = options.reference ?? `${PREFIX}${options.name}:${tag}`;
  // Podman 4.3 does not hear of a tag that stands apart.
  const query = new URLSearchParams({ fromSrc: "-", repo: reference });
  for (const change of options.changes ?? []) query.append("changes", change);
  const path = `/images/create?${query.toString()}`;
  const answer = await buffer(await engine.send("POST", path, createReadStream(rootfs)));
  // The engine reports an import that failed after its first bytes within a 200.
  if (answer.includes('"error"')) throw new Error(`import of ${reference}: ${answer.toString()}`);
  return {
    reference,
    [Symbol.asyncDispose]: () => engine.order("DELETE", `/images/${reference}?force=1`),
  };
}
