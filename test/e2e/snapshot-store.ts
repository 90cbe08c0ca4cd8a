/** A store of snapshots made without an engine: archives of GNU tar with sidecars of their own. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../oracle/host.ts";
import { sha256Of } from "./archives.ts";

const SPEC = "5df65d76";

export interface StoredOptions {
  /** `2026-11-23T02:15:40` */
  readonly time: string;
  readonly format?: "tar.zst" | "tar";
  /** Fields that are added to the sidecar or replaced. */
  readonly sidecar?: Readonly<Record<string, unknown>>;
}

/** Packs a folder as this program's helper does, into `<store>/<volume>/`; returns the data's path. */
export async function store(
  source: string,
  folder: string,
  { time, format = "tar.zst", sidecar = {} }: StoredOptions,
): Promise<string> {
  await mkdir(folder, { recursive: true });
  const base = join(folder, `${time.replaceAll(":", "-")}Z__spec-${SPEC}`);
  const archive = `${base}.${format}`;
  const options = ["--format=posix", "--sparse", "--xattrs", "--xattrs-include=*", "--acls"];
  await run("tar", [...options, "--numeric-owner", "-C", source, "-cf", `${base}.tar`, "."]);
  if (format === "tar.zst") await run("zstd", ["-q", "--rm", `${base}.tar`, "-o", archive]);
  const checksum = { algo: "sha256", [format.replace(".", "_")]: await sha256Of(archive) };
  const content = {
    dockform_version: "0.1.0",
    created_at: `${time}Z`,
    volume_name: "data",
    spec_hash: SPEC,
    driver: "local",
    driver_opts: {},
    labels: {},
    uncompressed_bytes: 0,
    file_count: 0,
    checksum,
    ...sidecar,
  };
  await writeFile(`${base}.json`, `${JSON.stringify(content, undefined, 2)}\n`);
  return archive;
}
