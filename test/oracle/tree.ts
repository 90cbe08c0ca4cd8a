/**
 * The oracle: makes a tree with every kind of entry, describes any tree, and
 * tells two descriptions apart. Its two programs are Python and know neither
 * the product nor tar, so that no mistake can be made twice the same way.
 */
import { join } from "node:path";

import { needProgram, run } from "./host.ts";

export type EntryType = "directory" | "file" | "symlink" | "fifo" | "char" | "block" | "socket";

/** [start, end) in bytes. */
export type Extent = readonly [number, number];

/** One entry as describe.py prints it; its text says what each field means. */
export interface TreeEntry {
  /** "." or "./a/b", one character a byte. */
  readonly path: string;
  readonly type: EntryType;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Nanoseconds since 1970. */
  readonly mtime: string;
  /** Name, one character a byte, to value in hexadecimal. */
  readonly xattrs: Readonly<Record<string, string>>;
  /** The first path of the same inode, where the tree has several. */
  readonly link?: string;
  readonly size?: number;
  readonly sha256?: string;
  readonly extents?: readonly Extent[];
  readonly block?: number;
  readonly target?: string;
  readonly rdev?: string;
}

export interface OddTreeOptions {
  readonly seed?: number;
  /** How many files the directory with many files holds. */
  readonly smallFiles?: number;
  /** Adds what GNU tar cannot carry. */
  readonly beyondTar?: boolean;
}

export interface DescribeOptions {
  /** Sockets are left out with `false`: no archive holds them. */
  readonly sockets?: boolean;
}

/** Makes the odd tree in a directory that is empty or not there yet. */
export async function makeOddTree(directory: string, options: OddTreeOptions = {}): Promise<void> {
  const args = ["make", directory];
  if (options.seed !== undefined) args.push("--seed", String(options.seed));
  if (options.smallFiles !== undefined) args.push("--small-files", String(options.smallFiles));
  if (options.beyondTar === true) args.push("--beyond-tar");
  await python("odd_tree.py", args);
}

/** Every entry of a tree, sorted bytewise by path, "." first. */
export async function describeTree(
  directory: string,
  options: DescribeOptions = {},
): Promise<TreeEntry[]> {
  const args = options.sockets === false ? [directory, "--no-sockets"] : [directory];
  return parseTree(await python("describe.py", args));
}

/** Reads what describe.py printed, e.g. a description kept in a file. */
export function parseTree(lines: string): TreeEntry[] {
  return lines
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => {
      const entry: TreeEntry = JSON.parse(line);
      return entry;
    });
}

/** `rm -rf`, because paths may be longer than Node can name. */
export async function removeTree(directory: string): Promise<void> {
  await run("rm", ["-rf", "--one-file-system", "--", directory]);
}

/**
 * What differs, one line a difference, in words: `./x: mode 0644 -> 0600`.
 *
 * Holes: in the second tree nothing may take room where the first has a hole.
 * The contrary is no difference: a copy may turn zeros into a hole, or give up
 * preallocated space. Both sides count in the larger block of the two.
 */
export function differences(before: readonly TreeEntry[], after: readonly TreeEntry[]): string[] {
  const old = new Map(before.map((entry) => [entry.path, entry]));
  const now = new Map(after.map((entry) => [entry.path, entry]));
  return [...new Set([...old.keys(), ...now.keys()])].toSorted(bytewise).flatMap((path) => {
    const left = old.get(path);
    const right = now.get(path);
    if (right === undefined) return [`${show(path)}: missing (${left?.type ?? "?"})`];
    if (left === undefined) return [`${show(path)}: not there before (${right.type})`];
    return changes(left, right).map((change) => `${show(path)}: ${change}`);
  });
}

function changes(before: TreeEntry, after: TreeEntry): string[] {
  return [
    ...fieldChange("type", before.type, after.type),
    ...fieldChange("mode", octal(before.mode), octal(after.mode)),
    ...fieldChange("uid", String(before.uid), String(after.uid)),
    ...fieldChange("gid", String(before.gid), String(after.gid)),
    ...fieldChange("size", before.size?.toString(), after.size?.toString()),
    ...fieldChange("content sha256", before.sha256, after.sha256),
    ...fieldChange("target", before.target, after.target),
    ...fieldChange("device", before.rdev, after.rdev),
    ...fieldChange("mtime", inSeconds(before.mtime), inSeconds(after.mtime)),
    ...fieldChange("hard link to", before.link, after.link),
    ...xattrChanges(before.xattrs, after.xattrs),
    ...filledHoles(before, after).map((range) => `hole filled at ${range.join("-")}`),
  ];
}

function fieldChange(
  what: string,
  before: string | undefined,
  after: string | undefined,
): string[] {
  if (before === after) return [];
  const [left, right] = [shorten(before), shorten(after)];
  return [`${what} ${left} -> ${left === right ? "another that starts the same" : right}`];
}

function xattrChanges(before: TreeEntry["xattrs"], after: TreeEntry["xattrs"]): string[] {
  const names = new Set([...Object.keys(before), ...Object.keys(after)]);
  return [...names].toSorted(bytewise).flatMap((name) => {
    return fieldChange(`xattr ${show(name)}`, hexadecimal(before[name]), hexadecimal(after[name]));
  });
}

/** The parts of the second file's extents that the first file's do not cover. */
function filledHoles(before: TreeEntry, after: TreeEntry): Extent[] {
  if (before.extents === undefined || after.extents === undefined) return [];
  const unit = Math.max(before.block ?? 1, after.block ?? 1);
  const allowed = before.extents.map((extent) => widen(extent, unit));
  return after.extents.flatMap((extent) => subtract(widen(extent, unit), allowed));
}

function widen([start, end]: Extent, unit: number): Extent {
  return [Math.floor(start / unit) * unit, Math.ceil(end / unit) * unit];
}

function subtract(extent: Extent, covers: readonly Extent[]): Extent[] {
  return covers.reduce<Extent[]>(
    (rest, [start, end]) =>
      rest
        .flatMap(([from, to]): Extent[] => [
          [from, Math.min(to, start)],
          [Math.max(from, end), to],
        ])
        .filter(([from, to]) => from < to),
    [extent],
  );
}

/** Order of the bytes: these strings have one character a byte. */
function bytewise(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function octal(mode: number): string {
  return mode.toString(8).padStart(4, "0");
}

/** An empty value must not look like none. */
function hexadecimal(value: string | undefined): string | undefined {
  return value === undefined ? undefined : `0x${value}`;
}

/** Nanoseconds as seconds, exactly: a double would round them. */
function inSeconds(mtime: string): string {
  const sign = mtime.startsWith("-") ? "-" : "";
  const digits = mtime.slice(sign.length).padStart(10, "0");
  return `${sign}${digits.slice(0, -9)}.${digits.slice(-9)}`;
}

const SHOWN_CHARACTERS = 100;

function shorten(value: string | undefined): string {
  if (value === undefined) return "none";
  const text = show(value);
  if (text.length <= SHOWN_CHARACTERS) return text;
  return `${text.slice(0, SHOWN_CHARACTERS)}... (${String(value.length)} characters)`;
}

/** Bytes that would disturb a line of output, as escapes. */
function show(bytes: string): string {
  return bytes.replaceAll(
    /[^ -[\]-~]/g,
    (byte) => `\\x${byte.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
}

async function python(script: string, args: readonly string[]): Promise<string> {
  // Debian's own and no other that may come first on PATH.
  const interpreter = await needProgram("/usr/bin/python3", "python3");
  const output = await run(interpreter, [join(import.meta.dirname, script), ...args]);
  return output.toString();
}
