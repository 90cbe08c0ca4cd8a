import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { writeFiles, type TestFiles } from "./archives.ts";
import type { CliResult } from "./cli-process.ts";
import { Sandbox } from "./harness.ts";

/** Where no engine listens. */
const NOBODY = "unix:///no/engine/listens/here.sock";

/** A test's sandbox with a store in it; no engine is needed. */
export interface Place extends AsyncDisposable {
  readonly sandbox: Sandbox;
  readonly root: string;
  readonly run: (...args: readonly string[]) => Promise<CliResult>;
}

/** A sandbox with the store where the program looks for it. */
export async function place(): Promise<Place> {
  const sandbox = await Sandbox.create(NOBODY);
  const root = sandbox.path(".dockform", "snapshots");
  await mkdir(root, { recursive: true });
  return {
    sandbox,
    root,
    run: (...args) => sandbox.dockform(["snapshot", ...args]),
    [Symbol.asyncDispose]: () => sandbox[Symbol.asyncDispose](),
  };
}

export async function source(sandbox: Sandbox, files: TestFiles): Promise<string> {
  const folder = sandbox.path(`source-${sources}`);
  sources += 1;
  await mkdir(folder);
  await writeFiles(folder, files);
  return folder;
}

let sources = 0;

export function done(result: CliResult): string {
  assert.equal(result.code, 0, result.stderr);
  return result.stdout;
}
