/** Folders for the tests of the oracle, removed when a file's tests have ended. */
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before } from "node:test";
import { needProgram, run } from "./host.ts";
import { removeTree } from "./tree.ts";

const root = process.platform === "linux" && process.getuid?.() === 0;

export const skip = !root && "owners, devices and capabilities need root on Linux";

let scratch: string;

let made = 0;

before(async () => {
  // Changes are made with it, too, and by then it must be there.
  if (root) await needProgram("/usr/bin/python3", "python3");
  scratch = await mkdtemp(join(tmpdir(), "dockform-test-oracle-"));
});

after(async () => {
  await removeTree(scratch);
});

export function newPath(): string {
  made += 1;
  return join(scratch, String(made));
}

export async function emptyFolder(): Promise<string> {
  const folder = newPath();
  await run("mkdir", [folder]);
  return folder;
}
