/** The program as it is published, for tests that call it often: it starts in a third of the time. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../oracle/host.ts";

const PROJECT = new URL("../..", import.meta.url).pathname;

/** A folder that goes away with its scope. */
export interface Bundle extends AsyncDisposable {
  readonly mainFile: string;
}

/** Bundles the sources as they are now, apart from `dist`, which others may be writing. */
export async function bundleProgram(): Promise<Bundle> {
  const folder = await mkdtemp(join(tmpdir(), "dockform-bundle-"));
  const rolldown = join(PROJECT, "node_modules/rolldown/bin/cli.mjs");
  await run(process.execPath, [rolldown, "-c", "rolldown.config.ts", "--dir", folder], {
    cwd: PROJECT,
  });
  return {
    mainFile: join(folder, "main.cjs"),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
}
