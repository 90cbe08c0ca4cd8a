/** Restores whose client died. */
import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { inspectContainer } from "../../src/engine/containers.ts";
import { join } from "node:path";
import { exists } from "../oracle/host.ts";
import { packFiles, writeFiles } from "./archives.ts";
import type { Sandbox } from "./harness.ts";
import { type CliResult } from "./cli-process.ts";
import type { TestVolume } from "./engine-objects.ts";

export interface Interrupted {
  readonly into: TestVolume;
  readonly archive: string;
  readonly userId: string;
}

/** A restore whose client died while it held a container: the helper has ended, and left the rest. */
export async function interruptRestore(
  sandbox: Sandbox,
  when: "before the swap" | "after the swap" = "before the swap",
): Promise<Interrupted> {
  const into = await sandbox.volume("into", {
    labels: { "io.dockform.identifier": sandbox.prefix },
  });
  await writeFiles(into.folder, { old: "old" });
  await sandbox.declare(into.name);
  const user = await sandbox.running(
    "user",
    await sandbox.waiting(into.name, {
      hostConfig: {
        RestartPolicy: { Name: "always" },
        Mounts: [{ Type: "volume", Source: into.name, Target: "/data" }],
      },
    }),
  );
  const archive = await packFiles(sandbox.folder, { file: "new" });
  const flags = ["--force", "--stop-containers", "--health-timeout", "0", "-v"];
  const restore = sandbox.start(["volume", "restore", into.name, archive, ...flags]);
  if (when === "before the swap") await restore.said("phase: swap");
  else
    await restore.until("the new contents are in place", () => exists(join(into.folder, "file")));
  restore.signal("SIGKILL");
  await restore.ended;
  await sandbox.helpersEnded();
  return { into, archive, userId: user.id };
}

export function recover(sandbox: Sandbox, ...args: readonly string[]): Promise<CliResult> {
  return sandbox.dockform(["volume", "recover", "--health-timeout", "0", ...args]);
}

export async function assertWhole(sandbox: Sandbox, { into, userId }: Interrupted): Promise<void> {
  const [name, ...others] = await readdir(into.folder);
  assert.deepEqual(others, []);
  assert.ok(name === "old" || name === "file", name);
  const { State, HostConfig } = await inspectContainer(sandbox.engine, userId);
  assert.equal(State.Status, "running");
  assert.equal(HostConfig.RestartPolicy.Name, "always");
  assert.deepEqual(await sandbox.helpers(), []);
}
