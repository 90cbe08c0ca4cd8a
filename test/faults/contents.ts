/** The contents between which the stories of crash-points.ts change a volume. */
import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { chmod, chown, mkdir, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../oracle/host.ts";

export const NAMES = ["old", "new", "kept"] as const;
export type Name = (typeof NAMES)[number];

/** One that both contents have, at the top and below, and one that the old ones do not have. */
export const PATHS: readonly string[] = ["file", "folder/inside", "only-new"];

/** Makes a folder that looks like no other of these. */
export async function makeContents(folder: string, name: Name): Promise<void> {
  const i = NAMES.indexOf(name);
  await mkdir(join(folder, "folder"), { recursive: true });
  await writeFile(join(folder, "folder", "inside"), name);
  await writeFile(join(folder, "file"), name);
  await writeFile(join(folder, `only-${name}`), name);
  await chown(folder, 100 + i, 200 + i);
  await chmod(folder, 0o700 + i);
  await run("setfattr", ["-n", "user.name", "-v", name, folder]);
  await utimes(folder, 1000 + i, 1000 + i);
}

/** Puts {@link PATHS} of some contents over others. */
export async function patch(folder: string, from: string): Promise<void> {
  for (const path of PATHS) await run("cp", ["-a", join(from, path), join(folder, path)]);
}

/** A tree as text: everything but the times, the root's attributes, and our own folders. */
export function look(folder: string): string {
  const lines: string[] = [];
  const walk = (path: string): void => {
    const full = join(folder, path);
    const { mode, uid, gid } = lstatSync(full);
    const kind = (mode & 0o170000) >> 12;
    const content = kind === 8 ? readFileSync(full, "utf8") : kind === 10 ? readlinkSync(full) : "";
    lines.push(`${path} ${(mode & 0o177777).toString(8)} ${uid}:${gid} ${content}`);
    if (kind !== 4) return;
    for (const name of readdirSync(full).toSorted()) {
      if (path !== "." || !name.startsWith(".dockform-")) walk(join(path, name));
    }
  };
  walk(".");
  return lines.join("\n");
}

/** What a volume keeps, as it looked when it was in place. */
export function lookAtKept(volume: string): string {
  const kept = join(volume, ".dockform-kept");
  const [, ...entries] = look(join(kept, "contents")).split("\n");
  const [root = ""] = look(join(kept, "root")).split("\n");
  return [root, ...entries].join("\n");
}
