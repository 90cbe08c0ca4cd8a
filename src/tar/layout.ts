import type { EntryType } from "./entries.ts";
import type { ByteText } from "./header.ts";
import { ROOT_PATH } from "./path.ts";

/** How many names of what a folder holds are remembered. */
const NAMES_MAX = 6;

/**
 * Finds out, entry by entry and in constant memory, whether all of an archive lies in one folder, and how deep:
 * what other programs pack is often `backup/NAME/...`, and not the contents of a volume.
 */
export class Layout {
  #hasRoot = false;
  /** The innermost folder that holds all that was seen; `undefined` before anything was. */
  #common: readonly ByteText[] | undefined;
  /** Whether anything in it was seen, so that no deeper folder can hold it all. */
  #isSettled = false;
  #names = new Map<ByteText, "folder" | "other">();

  /** `path` as `entryPath` spells it. */
  add(path: ByteText, type: EntryType): void {
    if (path === ROOT_PATH) {
      this.#hasRoot = true;
      return;
    }
    const parts = path.split("/");
    const isFolder = type === "folder";
    const common = this.#common;
    if (common === undefined) this.#start(parts, isFolder);
    else if (isPrefix(common, parts)) this.#addBelow(common, parts, isFolder);
    else if (!isFolder || !isPrefix(parts, common)) this.#retreat(common, parts, isFolder);
  }

  /** Whether there is an entry of the root itself. */
  get hasRoot(): boolean {
    return this.#hasRoot;
  }

  /** The innermost folder that everything but the root lies in; empty where that is the root. */
  get common(): readonly ByteText[] {
    return this.#common ?? [];
  }

  /** Some names of what it holds, and which of them are folders. */
  get names(): ReadonlyMap<ByteText, "folder" | "other"> {
    return this.#names;
  }

  #start(parts: readonly ByteText[], isFolder: boolean): void {
    this.#common = isFolder ? parts : parts.slice(0, -1);
    if (!isFolder) this.#settle(parts, isFolder);
  }

  #addBelow(common: readonly ByteText[], parts: readonly ByteText[], isFolder: boolean): void {
    if (parts.length === common.length) return;
    // A folder in which nothing was seen so far may hold another one that holds everything.
    if (this.#isSettled) this.#remember(parts, isFolder);
    else this.#start(parts, isFolder);
  }

  /** What was seen lies outside: a folder further up holds both. */
  #retreat(common: readonly ByteText[], parts: readonly ByteText[], isFolder: boolean): void {
    const own = isFolder ? parts : parts.slice(0, -1);
    const length = common.findIndex((part, i) => own[i] !== part);
    this.#common = common.slice(0, length < 0 ? undefined : length);
    this.#names.clear();
    this.#remember(common, true);
    this.#settle(parts, isFolder);
  }

  #settle(parts: readonly ByteText[], isFolder: boolean): void {
    this.#isSettled = true;
    this.#remember(parts, isFolder);
  }

  #remember(parts: readonly ByteText[], isFolder: boolean): void {
    const depth = this.common.length;
    const name = parts[depth];
    if (name === undefined || this.#names.size >= NAMES_MAX) return;
    this.#names.set(name, isFolder || parts.length > depth + 1 ? "folder" : "other");
  }
}

/** Whether a path, in its parts, is another one or leads to it. */
export function isPrefix(parts: readonly ByteText[], others: readonly ByteText[]): boolean {
  return parts.every((part, i) => others[i] === part);
}
