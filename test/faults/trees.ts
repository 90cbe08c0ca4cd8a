/** The contents that a volume under fault changes between. */
import {
  chmod,
  chown,
  lchown,
  link,
  lutimes,
  mkdir,
  symlink,
  truncate,
  utimes,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { run } from "../oracle/host.ts";

/** `mixed` is `b` with {@link MIXED_PATHS} of `a`. */
export type Contents = "a" | "b" | "mixed";

export const MIXED_PATHS: readonly string[] = [
  "sparse",
  "file-5",
  "link",
  "null",
  "empty",
  "name with a\nline end and \\",
];

export function otherThan(contents: Contents): Contents {
  return contents === "a" ? "b" : "a";
}

/** Enough that the swap takes a while, few enough that a thousand comparisons do not. */
const TOP_FILES = 120;
const LARGE_BYTES = 3 << 20;

/** Fills a folder with a bit of everything; most names are the same in both, and nothing else is. */
export async function makeTree(
  folder: string,
  contents: "a" | "b",
  holeBytes: number,
): Promise<void> {
  const at = (...parts: readonly string[]): string => join(folder, ...parts);
  const owner = contents === "a" ? 1000 : 2000;
  await mkdir(at("database", `only-${contents}`), { recursive: true });
  await writeFile(at("database", "large"), noise(LARGE_BYTES, owner));
  await writeFile(at("database", `only-${contents}`, "deep"), `deep ${contents}`);
  for (let i = 0; i < TOP_FILES; i += 1) await writeFile(at(`file-${i}`), `${contents} ${i}\n`);
  await writeFile(at(`only-${contents}`), contents);
  await link(at("file-0"), at("hard-link"));
  await link(at("file-1"), at("database", "hard-link"));
  await symlink(contents === "a" ? "/etc/passwd" : "file-1", at("link"));
  await writeFile(at("sparse"), contents);
  await truncate(at("sparse"), holeBytes);
  await writeFile(at("name with a\nline end and \\"), contents);
  await mkdir(at("empty"));
  await run("mkfifo", [at("pipe")]);
  await run("mknod", [at("null"), "c", "1", contents === "a" ? "3" : "5"]);
  await dress(folder, owner);
}

/** Owners, modes, attributes, ACLs and times, the root folder's last. */
async function dress(folder: string, owner: number): Promise<void> {
  const at = (name: string): string => join(folder, name);
  await chown(at("database"), owner, owner);
  await chmod(at("database"), 0o2750);
  await chown(at("file-2"), owner, 0);
  await chmod(at("file-2"), 0o4755);
  await chmod(at("file-3"), 0);
  await lchown(at("link"), owner, owner);
  await run("setfattr", ["-n", "user.test", "-v", `value ${owner}`, at("file-4")]);
  await run("setfacl", ["-m", `u:${owner}:rwx`, at("file-5")]);
  await run("setfacl", ["-d", "-m", `g:${owner}:rx`, at("empty")]);
  await lutimes(at("link"), owner, owner);
  await utimes(at("file-6"), 1, 1 / 3 + owner);
  await utimes(at("empty"), owner, owner);
  await chown(folder, owner, owner + 1);
  await chmod(folder, owner === 1000 ? 0o1770 : 0o755);
  await run("setfattr", ["-n", "user.root", "-v", String(owner), folder]);
  await utimes(folder, owner, owner);
}

/** Bytes that do not compress and are the same every time. */
function noise(bytes: number, seed: number): Buffer {
  const words = new Uint32Array(bytes / 4);
  let state = seed;
  for (let i = 0; i < words.length; i += 1) {
    state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x297a2d39;
    words[i] = state;
  }
  return Buffer.from(words.buffer);
}
