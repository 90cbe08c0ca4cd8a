import { DockformError } from "../errors.ts";
import type { ByteSource } from "../byte-source.ts";
import { TarReader, type TarEntry } from "../tar/entries.ts";
import type { ByteText } from "../tar/header.ts";
import { isPrefix } from "../tar/layout.ts";
import { displayText, entryPath, ROOT_PATH } from "../tar/path.ts";
import { writeTar, type WrittenEntry } from "../tar/write.ts";
import type { Archive } from "./archive.ts";
import type { Digest } from "./digest.ts";
import type { StoredSource } from "./source.ts";
import { refusePartial } from "./survey.ts";

/** Which folder of an archive is to be the root of a volume. */
export type RootChoice =
  /** The one folder, so deep, that everything lies in; 0 for the archive's own root. */
  | { readonly kind: "strip"; readonly components: number }
  | { readonly kind: "from"; readonly path: ByteText };

/** Whether the archive's own root is chosen. */
export function leavesAsItIs(choice: RootChoice): boolean {
  return choice.kind === "strip" ? choice.components === 0 : entryPath(choice.path) === ROOT_PATH;
}

/** A way to the new root, which may show only as entries go by. */
interface Way {
  /** Looks at the next entry: whether the new root, as far as it is known, is on the way to it or holds it. */
  take(parts: readonly ByteText[], isFolder: boolean): void;
  readonly root: readonly ByteText[];
}

/**
 * A folder of an archive as an archive of its own, whose root it is: its own owner, mode, times and attributes become
 * the root's. The tar stream is written anew, so that everything behind it sees no other archive than this.
 */
export class ReshapedArchive implements StoredSource {
  readonly compression = "none";
  readonly #archive: Archive;
  readonly #choice: RootChoice;
  readonly #signal: AbortSignal;
  #outsideEntries = 0;

  constructor(archive: Archive, choice: RootChoice, signal: AbortSignal) {
    this.#archive = archive;
    this.#choice = choice;
    this.#signal = signal;
  }

  get path(): string {
    return this.#archive.path;
  }

  get format(): Archive["format"] {
    return this.#archive.format;
  }

  get storedBytes(): number {
    return this.#archive.storedBytes;
  }

  /** What lies outside the folder, as far as the last pass has come. */
  get outsideEntries(): number {
    return this.#outsideEntries;
  }

  damaged(failure: string): DockformError {
    return this.#archive.damaged(failure);
  }

  chunks(digest: Digest): ByteSource {
    return this.tar(digest, this.#signal);
  }

  /** The digest gets the archive's stored bytes, all of them. */
  tar(digest: Digest, signal: AbortSignal): ByteSource {
    const reader = new TarReader(this.#archive.tar(digest, signal), this.path, signal);
    return writeTar(this.#entries(reader));
  }

  async *#entries(reader: TarReader): AsyncGenerator<WrittenEntry> {
    const way =
      this.#choice.kind === "strip"
        ? new StrippedWay(this.#choice.components, this.path)
        : new NamedWay(this.#choice.path);
    this.#outsideEntries = 0;
    let found = false;
    for await (const entry of reader.entries()) {
      const parts = partsOf(entry.path);
      way.take(parts, entry.type === "folder");
      if (isPrefix(way.root, parts)) {
        found = true;
        yield this.#moved(entry, parts, way.root);
      } else if (!isPrefix(parts, way.root)) {
        this.#outsideEntries += 1;
      }
    }
    refusePartial(this.#archive, reader.notDumped);
    if (!found) throw this.#nothingIn(way);
  }

  #moved(entry: TarEntry, parts: readonly ByteText[], root: readonly ByteText[]): WrittenEntry {
    const rest = parts.slice(root.length);
    if (rest.length === 0 && entry.type !== "folder") throw this.#noFolder(root);
    if (rest.includes("..")) throw this.damaged(`${displayText(entry.path)} leads out of it`);
    const path = storedPath(rest, entry.type === "folder");
    if (entry.type !== "hardlink") return { ...entry, path };
    const target = partsOf(entry.linkTarget);
    if (!isPrefix(root, target)) throw this.#linkedOutside(entry, root);
    return { ...entry, path, linkTarget: storedPath(target.slice(root.length), false) };
  }

  #noFolder(root: readonly ByteText[]): DockformError {
    return new DockformError(
      "archive.not-a-folder",
      `${shown(root)} in ${this.path} is not a folder`,
      {
        advice: [{ code: "list-files" }],
      },
    );
  }

  #nothingIn({ root }: Way): DockformError {
    const what =
      this.#choice.kind === "strip"
        ? foldersDeep(this.#choice.components)
        : `the folder ${shown(root)}`;
    return new DockformError("archive.path-not-found", `${this.path} does not hold ${what}`, {
      advice: [{ code: "list-files" }],
    });
  }

  #linkedOutside({ path, linkTarget }: TarEntry, root: readonly ByteText[]): DockformError {
    return new DockformError(
      "archive.link-outside",
      `${displayText(path)} in ${this.path} is a hard link to ${displayText(linkTarget)}, which lies outside of ${shown(root)}`,
      { hint: "Nothing was touched. Take a folder that holds both." },
    );
  }
}

/** A folder that was named. */
class NamedWay implements Way {
  readonly root: readonly ByteText[];

  constructor(path: ByteText) {
    this.root = partsOf(path);
    if (!this.root.includes("..")) return;
    throw new DockformError(
      "archive.path-invalid",
      `"${displayText(path)}" is not a folder inside an archive`,
      {
        advice: [{ code: "path-as-listed" }],
      },
    );
  }

  take(): void {
    // It is known from the beginning.
  }
}

/** So many folders, each the only one in the one before. Where they are not, two trees would become one. */
class StrippedWay implements Way {
  readonly #components: number;
  readonly #name: string;
  readonly #found: ByteText[] = [];

  constructor(components: number, name: string) {
    this.#components = components;
    this.#name = name;
  }

  /** Nothing is below it as long as it is not known to its end. */
  get root(): readonly ByteText[] {
    const { length } = this.#found;
    return [...this.#found, ...Array<ByteText>(this.#components - length).fill("/")];
  }

  take(parts: readonly ByteText[], isFolder: boolean): void {
    if (parts.length === 0) return;
    const folders = (isFolder ? parts : parts.slice(0, -1)).slice(0, this.#components);
    const fork = folders.findIndex((part, i) => (this.#found[i] ??= part) !== part);
    if (fork >= 0) {
      const [other, found] = [parts, this.#found].map((each) => shown(each.slice(0, fork + 1)));
      throw this.#notInOne(`${other} is beside ${found}`);
    }
    if (isFolder || folders.length === this.#components) return;
    const depth = this.#components === 1 ? "in a folder" : `${this.#components} folders deep`;
    throw this.#notInOne(`${shown(parts)} is not ${depth}`);
  }

  #notInOne(what: string): DockformError {
    const top = this.#components === 1 ? "top folder" : `top ${this.#components} folders`;
    return new DockformError(
      "archive.not-one-folder",
      `the ${top} of ${this.#name} cannot be left out: ${what}`,
      {
        advice: [{ code: "choose-root-folder" }],
      },
    );
  }
}

function foldersDeep(components: number): string {
  return components === 1 ? "a folder" : `folders ${components} deep`;
}

function partsOf(path: ByteText): readonly ByteText[] {
  const plain = entryPath(path);
  return plain === ROOT_PATH ? [] : plain.split("/");
}

/** Whether a path is this folder, or lies below it. */
function storedPath(parts: readonly ByteText[], isFolder: boolean): ByteText {
  const path = [ROOT_PATH, ...parts].join("/");
  return isFolder ? `${path}/` : path;
}

/** A path in its parts, for people. */
export function shown(parts: readonly ByteText[]): string {
  return displayText(parts.join("/"));
}
