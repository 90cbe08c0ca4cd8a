import type { TarEntry } from "../tar/entries.ts";
import type { ByteText } from "../tar/header.ts";

/** Setuid and setgid. On a folder they only say whose the files in it will be. */
const SET_OWNER = 0o6000;
const CAPABILITY = "security.capability";

/**
 * What of an archive could make its reader more powerful: programs that run as somebody else or with
 * capabilities, and devices. It is left out unless the person wants it.
 */
export class Privileges {
  readonly #isAllowed: boolean;
  readonly #leftOut = new Set<ByteText>();

  constructor(isAllowed: boolean) {
    this.#isAllowed = isAllowed;
  }

  /** How many entries came back without it, or not at all. */
  get leftOutCount(): number {
    return this.#leftOut.size;
  }

  /** Whether an entry may be made. */
  allows(path: ByteText, { type }: TarEntry): boolean {
    return this.#unlessPrivileged(path, type === "char" || type === "block");
  }

  allowedMode(path: ByteText, { type, mode }: TarEntry): number {
    const isPrivileged = type === "file" && (mode & SET_OWNER) !== 0;
    return this.#unlessPrivileged(path, isPrivileged) ? mode : mode & ~SET_OWNER;
  }

  allowedAttributes(path: ByteText, { xattrs }: TarEntry): TarEntry["xattrs"] {
    if (this.#unlessPrivileged(path, xattrs.has(CAPABILITY))) return xattrs;
    return new Map([...xattrs].filter(([name]) => name !== CAPABILITY));
  }

  #unlessPrivileged(path: ByteText, isPrivileged: boolean): boolean {
    if (!isPrivileged || this.#isAllowed) return true;
    this.#leftOut.add(path);
    return false;
  }
}
