import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { Archive } from "../../src/archive/archive.ts";
import { extractPaths, type ExtractReport } from "../../src/archive/extract.ts";
import type { WrittenEntry } from "../../src/tar/write.ts";
import { archiveInMemory } from "./archive.ts";
import { tarOfEntries } from "./archived.ts";
import { fakeTools } from "./surroundings.ts";

/** A user that every system has, and that owns nothing. */
export const NOBODY = 65_534;

export const IS_ROOT = process.geteuid?.() === 0;

/** A folder for one test, which others may enter. */
export async function scratchFolder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "dockform-extract-"));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** Extracts from an archive of these entries, `.` unless it is said otherwise. */
export async function extractEntries(
  entries: readonly WrittenEntry[],
  folder: string,
  options: {
    readonly paths?: readonly string[];
    readonly withPrivileges?: boolean;
    readonly signal?: AbortSignal;
  } = {},
): Promise<ExtractReport> {
  await using archive = await Archive.open(archiveInMemory(await tarOfEntries(entries)));
  const { paths = ["."], withPrivileges = false, signal } = options;
  const request = { paths, folder, withPrivileges, userId: process.geteuid?.() };
  return await extractPaths(archive, request, fakeTools("somebody", signal));
}
