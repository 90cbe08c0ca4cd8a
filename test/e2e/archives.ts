/** Snapshots that the product did not make, and what must be true of any: told by other programs. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { run } from "../oracle/host.ts";
import type { CliResult } from "./cli-process.ts";

/** The original's spec hash of a volume of the `local` driver without options and labels. */
const BARE_SPEC_HASH = specHashOf("driver=local|opts=|labels=");

export function specHashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 8);
}

export async function sha256Of(file: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  return hash.digest("hex");
}

/** A base name like a snapshot's; each call has another. */
function baseName(specHash = BARE_SPEC_HASH): string {
  const time = new Date(Date.UTC(2026, 0, 1) + nameCount * 1000);
  nameCount += 1;
  return `${time.toISOString().slice(0, 19).replaceAll(":", "-")}Z__spec-${specHash}`;
}

let nameCount = 0;

export type TestFiles = Readonly<Record<string, string | Buffer>>;

/** Writes files into a folder, with the folders in between. */
export async function writeFiles(folder: string, files: TestFiles): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
}

/** Packs files with this machine's tar and zstd; returns the archive's path. There is no sidecar. */
export async function packFiles(
  folder: string,
  files: TestFiles,
  format: "tar.zst" | "tar" = "tar.zst",
): Promise<string> {
  const name = baseName();
  const source = join(folder, `${name}.d`);
  await mkdir(source, { recursive: true });
  await writeFiles(source, files);
  // Without extended headers, so that every entry begins where its listing says.
  return packFolder(source, join(folder, `${name}.${format}`), ["--format=gnu", "--sort=name"]);
}

/** Packs a folder with this machine's tar and zstd; there is no sidecar. */
export async function packFolder(
  source: string,
  archive: string,
  options: readonly string[] = [],
): Promise<string> {
  const tar = archive.replace(/\.zst$/, "");
  await run("tar", [...options, "-cf", tar, "-C", source, "."]);
  if (tar !== archive) await run("zstd", ["-q", "--rm", "-f", tar, "-o", archive]);
  return archive;
}

/** Where the entries of a .tar begin, and in the end its end marker. */
export async function entryOffsets(tar: string): Promise<readonly number[]> {
  const listing = await run("tar", ["--list", "--block-number", "-f", tar]);
  return [...listing.toString().matchAll(/^block (\d+): /gm)].map(
    ([, block]) => Number(block) * 512,
  );
}

/** Writes a sidecar with the original's fields alone; `changes` replace or, as undefined, remove. */
export async function writeSidecar(
  archive: string,
  changes: Readonly<Record<string, unknown>> = {},
): Promise<string> {
  const isTar = archive.endsWith(".tar");
  const sidecar = {
    dockform_version: "0.6.0",
    created_at: "2026-01-01T00:00:00Z",
    volume_name: "somewhere",
    spec_hash: BARE_SPEC_HASH,
    driver: "local",
    driver_opts: null,
    labels: null,
    uncompressed_bytes: 10240,
    file_count: 1,
    checksum: { algo: "sha256", [isTar ? "tar" : "tar_zst"]: await sha256Of(archive) },
    notes: "",
    ...changes,
  };
  const path = sidecarOf(archive);
  await writeFile(path, JSON.stringify(sidecar));
  return path;
}

export function sidecarOf(archive: string): string {
  return archive.replace(/\.tar(\.zst)?$/, ".json");
}

/** The flag by which a snapshot of another volume may be restored, where the archive is one. */
export async function originFlags(volume: string, archive: string): Promise<readonly string[]> {
  const sidecar = await readJson(sidecarOf(archive)).catch(() => undefined);
  const name = sidecar?.["volume_name"];
  return typeof name === "string" && name !== volume ? ["--from-volume", name] : [];
}

export async function readJson(file: string): Promise<Readonly<Record<string, unknown>>> {
  const value: Readonly<Record<string, unknown>> = JSON.parse(await readFile(file, "utf8"));
  return value;
}

export interface ExpectedError {
  readonly exitCode: number;
  readonly message: string | RegExp;
  /** `null` where there is nothing to do. */
  readonly hint: string | RegExp | null;
}

/** Asserts how a call with `--json` failed: for people on standard error, for scripts on stdout. */
export function assertError(result: CliResult, expected: ExpectedError): void {
  assert.equal(result.code, expected.exitCode, `exit code; standard error: ${result.stderr}`);
  const printed: { error: { message: string; hint: string | null; exit_code: number } } =
    JSON.parse(result.stdout);
  const { message, hint, exit_code: exitCode } = printed.error;
  assertText(message, expected.message);
  if (expected.hint === null) assert.equal(hint, null);
  else assertText(hint ?? "", expected.hint);
  assert.equal(exitCode, expected.exitCode);
  assert.ok(result.stderr.includes(`error: ${message}`), `not told to people: ${result.stderr}`);
  // For people commands stand in lines of their own.
  assert.ok(
    inOneLine(result.stderr).includes(inOneLine(hint ?? "")),
    `no advice for people: ${result.stderr}`,
  );
}

function inOneLine(text: string): string {
  return text.replaceAll(/\s+/g, " ");
}

function assertText(text: string, expected: string | RegExp): void {
  if (typeof expected === "string") assert.equal(text, expected);
  else assert.match(text, expected);
}
