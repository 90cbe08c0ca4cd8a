import {
  beyondBounds,
  BoundProblem,
  EXTENDED_BYTES_MAX,
  PATH_BYTES_MAX,
  requireBearablePath,
} from "./bounds.ts";
import { continuation, DATA_AFTER_END } from "./damage.ts";
import { firstNotDumped } from "./dump-list.ts";
import type { Extent } from "./extents.ts";
import {
  HeaderProblem,
  isZeroBlock,
  parseHeader,
  type ByteText,
  type TarHeader,
} from "./header.ts";
import { TarInput } from "./input.ts";
import { paxRecords } from "./pax.ts";
import { GlobalFields, PaxFields, readPaxHeader, type PaxHeader } from "./pax-fields.ts";
import { paxMap, readMapInData, readOldGnuMap, requireSoundMap, type SparseMap } from "./sparse.ts";

export type EntryType =
  | "file"
  | "folder"
  | "symlink"
  /** Another name of a file that the archive holds. */
  | "hardlink"
  | "fifo"
  | "char"
  | "block";

/** A piece of a file's content and its place in the file. */
export interface DataPiece {
  readonly positionBytes: number;
  /** Valid until the next piece is asked for. */
  readonly bytes: Uint8Array;
}

/** What an archive holds under one name. */
export interface TarEntry {
  /** As it is stored: `./a/b`, a folder's with a slash at its end. */
  readonly path: ByteText;
  readonly type: EntryType;
  /** Permission bits with setuid, setgid and sticky. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Since 1970. */
  readonly mtimeNs: bigint;
  /** Length of a file, its holes included; 0 for all else. */
  readonly sizeBytes: number;
  /** Where a symbolic link points, or which name a hard link is another of; empty for all else. */
  readonly linkTarget: ByteText;
  readonly device: { readonly major: number; readonly minor: number } | undefined;
  readonly xattrs: ReadonlyMap<ByteText, Buffer>;
  /** As texts like `user::rw-,user:2:r--,...`, one character a byte. */
  readonly acl: { readonly access: ByteText; readonly default: ByteText };
  /** Where a file with holes has data; `undefined` for one without. */
  readonly extents: Iterable<Extent> | undefined;
  /** Where its headers begin in the stream. */
  readonly positionBytes: number;
  /** The file's data in order, holes left out; once, and before the next entry is asked for. */
  readonly data: () => AsyncIterable<DataPiece>;
}

const SECOND_NS = 1_000_000_000n;

const TYPES: Readonly<Record<string, EntryType>> = {
  "0": "file",
  "\0": "file",
  // Contiguous files, and GNU's with holes.
  "7": "file",
  S: "file",
  "1": "hardlink",
  "2": "symlink",
  "3": "char",
  "4": "block",
  "5": "folder",
  // A folder of GNU's incremental archives, with a list of names as its data.
  D: "folder",
  "6": "fifo",
};

/**
 * Reads tar streams in any form that GNU tar writes or reads, all of it in one pass and in constant
 * memory: ustar, pax and GNU headers, long names, sparse files, attributes and ACLs.
 */
export class TarReader {
  readonly #input: TarInput;
  readonly #global = new GlobalFields();
  #pending: Pending = {};
  /** Content of the present entry that nobody has asked for yet. */
  #leftBytes = 0;
  #entryCount = 0;
  #labelCount = 0;
  #notDumped: ByteText | undefined;
  #endMarkBytes = 0;

  /** `name` is what messages call the archive. */
  constructor(source: AsyncIterable<Uint8Array>, name: string, signal?: AbortSignal) {
    this.#input = new TarInput(source, name, signal);
  }

  /** Length of the stream as far as it has been read; in the end all of it, end mark included. */
  get tarBytes(): number {
    return this.#input.position;
  }

  /** How many entries tar lists, which counts the labels of tapes. */
  get listedEntries(): number {
    return this.#entryCount + this.#labelCount;
  }

  /** The first file that an incremental dump names as one that it does not hold. */
  get notDumped(): ByteText | undefined {
    return this.#notDumped;
  }

  /** Where the end mark begins; known once all entries have been read. */
  get endMarkBytes(): number {
    return this.#endMarkBytes;
  }

  /**
   * All entries in their order; content that is not asked for is passed over.
   *
   * @throws DockformError `integrity`, saying where: for a header that does not match its checksum or
   * makes no sense, a stream that is cut short or lacks its end mark, and for bytes after that; `refused` for what is
   * beyond the bounds of `bounds.ts`.
   */
  async *entries(): AsyncGenerator<TarEntry> {
    let positionBytes = 0;
    try {
      for (;;) {
        await this.#passContent();
        if (Object.keys(this.#pending).length === 0) positionBytes = this.#input.position;
        const block = await this.#input.block();
        if (block === undefined) throw this.#input.damaged("it ends without an end mark");
        if (isZeroBlock(block)) {
          this.#endMarkBytes = positionBytes;
          return await this.#readEnd();
        }
        const entry = await this.#entry(block, positionBytes);
        if (entry !== undefined) yield entry;
      }
    } catch (error) {
      throw this.#withPlace(error, positionBytes);
    } finally {
      await this.#input.close();
    }
  }

  #withPlace(error: unknown, positionBytes: number): unknown {
    const isBound = error instanceof BoundProblem;
    if (isBound) return beyondBounds(this.#input.name, error.message, positionBytes);
    const isDamage = error instanceof HeaderProblem;
    return isDamage ? this.#input.damaged(error.message, positionBytes) : error;
  }

  async #passContent(): Promise<void> {
    await this.#input.skip(this.#leftBytes);
    this.#leftBytes = 0;
  }

  /** Two empty blocks end an archive, and more of them fill it up. */
  async #readEnd(): Promise<void> {
    const second = await this.#input.block();
    if (second === undefined) throw this.#input.damaged("it was cut short in its end mark");
    if (!isZeroBlock(second)) throw this.#input.damaged("there is a lone empty block");
    if (Object.keys(this.#pending).length > 0) {
      throw this.#input.damaged("it ends after the extended header of an entry");
    }
    for await (const chunk of this.#input.rest()) {
      const at = chunk.findIndex((byte) => byte !== 0);
      if (at >= 0) {
        throw this.#input.damaged(DATA_AFTER_END, this.#input.position - chunk.length + at);
      }
    }
  }

  /** The entry that a header begins; `undefined` for a header that is about the next one. */
  async #entry(block: Buffer, positionBytes: number): Promise<TarEntry | undefined> {
    const header = parseHeader(block);
    switch (header.typeFlag) {
      case "x":
      case "X":
        this.#pending.pax = readPaxHeader(await this.#extended(header));
        return undefined;
      case "g":
        this.#addGlobal(await this.#extended(header));
        return undefined;
      case "L":
        this.#pending.longPath = untilNul(await this.#extended(header, PATH_BYTES_MAX + 1));
        return undefined;
      case "K":
        this.#pending.longLinkTarget = untilNul(await this.#extended(header, PATH_BYTES_MAX + 1));
        return undefined;
      // The name of a volume: nothing that could be restored.
      case "V":
        this.#labelCount += 1;
        return undefined;
      case "M":
        throw continuation(this.#input.name);
    }
    const type = TYPES[header.typeFlag];
    if (type === undefined) {
      throw new HeaderProblem(`there is an entry of type ${JSON.stringify(header.typeFlag)}`);
    }
    return this.#describe(type, header, block, positionBytes);
  }

  #addGlobal(header: Buffer): void {
    this.#global.add(readPaxHeader(header));
    for (const { key } of paxRecords(header)) {
      if (key === "GNU.volume.label") this.#labelCount += 1;
      if (key === "GNU.volume.offset") throw continuation(this.#input.name);
    }
  }

  /** All of it, in memory of its own. */
  async #extended({ sizeBytes }: TarHeader, bytesMax = EXTENDED_BYTES_MAX): Promise<Buffer> {
    if (sizeBytes > bytesMax) {
      throw new BoundProblem(`there is an extended header of ${sizeBytes} bytes`);
    }
    const content = await this.#input.copy(sizeBytes);
    await this.#input.skipPadding(sizeBytes);
    return content;
  }

  async #describe(
    flaggedType: EntryType,
    header: TarHeader,
    block: Buffer,
    positionBytes: number,
  ): Promise<TarEntry> {
    const { longPath, longLinkTarget, pax } = this.#pending;
    this.#pending = {};
    this.#entryCount += 1;
    const fields = new PaxFields(this.#global, pax);
    const sparseName = fields.text("GNU.sparse.name");
    const path = sparseName ?? fields.text("path") ?? longPath ?? header.path;
    if (path === "") throw new HeaderProblem("an entry has no name");
    requireBearablePath(path);
    // Before there was a type for them, folders were known by their name.
    const type = flaggedType === "file" && path.endsWith("/") ? "folder" : flaggedType;
    const storedBytes = fields.number("size") ?? header.sizeBytes;
    const linkTarget = fields.text("linkpath") ?? longLinkTarget ?? header.linkTarget;
    const isLink = type === "symlink" || type === "hardlink";
    if (isLink) requireBearablePath(linkTarget);
    const isDevice = type === "char" || type === "block";
    const file = type === "file" ? await this.#file(header, block, fields, storedBytes) : NO_FILE;
    const dumpList = await this.#dumpList(header, storedBytes, fields);
    if (dumpList !== undefined) this.#notDumped ??= firstNotDumped(dumpList, path);
    return {
      path,
      type,
      mode: header.mode,
      uid: accountNumber(fields.number("uid") ?? header.uid),
      gid: accountNumber(fields.number("gid") ?? header.gid),
      mtimeNs: fields.timeNs("mtime") ?? BigInt(header.mtimeSeconds) * SECOND_NS,
      linkTarget: isLink ? linkTarget : "",
      device: isDevice ? { major: header.deviceMajor, minor: header.deviceMinor } : undefined,
      xattrs: fields.xattrs(),
      acl: { access: fields.acl("access"), default: fields.acl("default") },
      positionBytes,
      ...file,
    };
  }

  /** Of a folder in an incremental dump. Nothing else but files has data: a size there says nothing. */
  async #dumpList(
    header: TarHeader,
    storedBytes: number,
    fields: PaxFields,
  ): Promise<Buffer | undefined> {
    if (header.typeFlag !== "D") return fields.bytes("GNU.dumpdir");
    return await this.#extended({ ...header, sizeBytes: storedBytes });
  }

  async #file(
    header: TarHeader,
    block: Buffer,
    fields: PaxFields,
    storedBytes: number,
  ): Promise<FileParts> {
    const { map, mapBytes } = await this.#sparseMap(header, block, fields, storedBytes);
    const dataBytes = storedBytes - mapBytes;
    if (map !== undefined) requireSoundMap(map, dataBytes);
    this.#leftBytes = padded(storedBytes) - mapBytes;
    const entryNumber = this.#entryCount;
    const extents = map?.extents ?? [{ startBytes: 0, lengthBytes: dataBytes }];
    return {
      sizeBytes: map?.sizeBytes ?? dataBytes,
      extents: map?.extents,
      data: () => this.#data(extents, entryNumber),
    };
  }

  async #sparseMap(
    { typeFlag }: TarHeader,
    block: Buffer,
    fields: PaxFields,
    storedBytes: number,
  ): Promise<{ readonly map: SparseMap | undefined; readonly mapBytes: number }> {
    if (typeFlag === "S") return { map: await readOldGnuMap(block, this.#input), mapBytes: 0 };
    if (fields.number("GNU.sparse.major") !== 1) return { map: paxMap(fields), mapBytes: 0 };
    const sizeBytes = fields.number("GNU.sparse.realsize");
    if (sizeBytes === undefined) throw new HeaderProblem("a sparse file does not say its size");
    const { extents, mapBytes } = await readMapInData(this.#input, storedBytes);
    return { map: { sizeBytes, extents }, mapBytes };
  }

  async *#data(extents: Iterable<Extent>, entryNumber: number): AsyncGenerator<DataPiece> {
    if (entryNumber !== this.#entryCount) throw new Error("the content of an entry gone by");
    for (const { startBytes, lengthBytes } of extents) {
      for (let passed = 0; passed < lengthBytes;) {
        const bytes = await this.#input.some(lengthBytes - passed);
        this.#leftBytes -= bytes.length;
        yield { positionBytes: startBytes + passed, bytes };
        passed += bytes.length;
      }
    }
  }
}

/** What headers before an entry's own say of it. */
interface Pending {
  pax?: PaxHeader;
  longPath?: ByteText;
  longLinkTarget?: ByteText;
}

type FileParts = Pick<TarEntry, "sizeBytes" | "extents" | "data">;

const NO_FILE: FileParts = { sizeBytes: 0, extents: undefined, data: nothing };

async function* nothing(): AsyncGenerator<DataPiece> {
  // Only files have content.
}

function padded(bytes: number): number {
  return Math.ceil(bytes / 512) * 512;
}

/** Owners have 32 bits; some archives write the topmost numbers as negative ones. */
function accountNumber(number: number): number {
  return number >>> 0;
}

function untilNul(content: Buffer): ByteText {
  const end = content.indexOf(0);
  return content.toString("latin1", 0, end < 0 ? undefined : end);
}
