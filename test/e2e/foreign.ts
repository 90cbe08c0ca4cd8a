/** Archives that other programs made, before and after a restore. */
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { writeFiles } from "./archives.ts";
import type { Sandbox } from "./harness.ts";
import type { TestVolume } from "./engine-objects.ts";

export const TEXTS = { a: "text", "sub/b": "more text" };

export const RESTORE = ["--undeclared", "--force", "--json"];

export async function filled(sandbox: Sandbox, suffix = "into"): Promise<TestVolume> {
  const volume = await sandbox.volume(suffix);
  await writeFiles(volume.folder, { old: "old" });
  return volume;
}

/** What is there after a restore, or after one that was refused. */
export async function holds(
  { folder }: TestVolume,
  files: Readonly<Record<string, string>>,
): Promise<void> {
  assert.deepEqual((await readdir(folder)).toSorted(), topNames(files));
  for (const [path, content] of Object.entries(files)) {
    assert.equal(await readFile(join(folder, path), "utf8"), content);
  }
}

function topNames(files: Readonly<Record<string, string>>): readonly string[] {
  return [...new Set(Object.keys(files).map((path) => path.split("/")[0] ?? ""))].toSorted();
}

export interface Refusal {
  readonly exitCode: number;
  readonly message: RegExp;
  readonly hint: RegExp;
}

/** The same verdict by every command that reads it, and an untouched volume. */
export async function refusedByAll(
  sandbox: Sandbox,
  archive: string,
  refusal: Refusal,
): Promise<void> {
  const volume = await filled(sandbox, basename(archive).replaceAll(/[. ]/g, "-"));
  const restore = ["volume", "restore", volume.name, archive];
  for (const command of [
    [...restore, "--undeclared", "--force"],
    [...restore, "--undeclared", "--force", "--path", "a"],
    ["snapshot", "verify", archive],
    ["snapshot", "files", archive],
    ["snapshot", "cat", archive, "a"],
    ["snapshot", "extract", archive, "a", "-o", sandbox.path("nowhere")],
    ["snapshot", "diff", archive, archive],
  ]) {
    const result = await sandbox.dockform([...command, "--json"]);
    assert.equal(result.code, refusal.exitCode, `${command.join(" ")}: ${result.stderr}`);
    assert.match(result.stderr, refusal.message, command.join(" "));
    assert.match(result.stderr, refusal.hint, command.join(" "));
  }
  await holds(volume, { old: "old" });
}
