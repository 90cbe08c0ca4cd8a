import { BLOCK_BYTES } from "./input.ts";

/** Text with one character a byte, as paths are: any bytes but NUL, in whatever encoding. */
export type ByteText = string;

/** A header block as it is, before extended headers change what it says. */
export interface TarHeader {
  readonly typeFlag: string;
  readonly path: ByteText;
  readonly linkTarget: ByteText;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly sizeBytes: number;
  readonly mtimeSeconds: number;
  readonly deviceMajor: number;
  readonly deviceMinor: number;
}

/** Says what is wrong with a header; whoever reads the stream knows where. */
export class HeaderProblem extends Error {}

const CHECKSUM_OFFSET = 148;
const CHECKSUM_BYTES = 8;
const BLANK = 0x20;

/** Reads a header block. @throws HeaderProblem */
export function parseHeader(block: Buffer): TarHeader {
  requireChecksum(block);
  const magic = block.toString("latin1", 257, 265);
  const name = text(block, 0, 100);
  // GNU's own format has other things where POSIX has the prefix.
  const prefix = magic.startsWith("ustar\0") ? text(block, 345, 155) : "";
  const hasDevices = magic.startsWith("ustar");
  return {
    typeFlag: block.toString("latin1", 156, 157),
    path: prefix === "" ? name : `${prefix}/${name}`,
    linkTarget: text(block, 157, 100),
    mode: number(block, 100, 8, "mode") & 0o7777,
    uid: number(block, 108, 8, "owner"),
    gid: number(block, 116, 8, "group"),
    sizeBytes: sizeNumber(block, 124),
    mtimeSeconds: number(block, 136, 12, "time"),
    deviceMajor: hasDevices ? number(block, 329, 8, "device number") : 0,
    deviceMinor: hasDevices ? number(block, 337, 8, "device number") : 0,
  };
}

/** Whether a block can be the first of an archive: all other formats begin otherwise. */
export function isHeaderBlock(block: Buffer): boolean {
  try {
    requireChecksum(block);
    return true;
  } catch {
    return false;
  }
}

export function isZeroBlock(block: Buffer): boolean {
  return block.equals(ZERO_BLOCK);
}

const ZERO_BLOCK = Buffer.alloc(BLOCK_BYTES);

/** The bytes up to the first NUL. */
function text(block: Buffer, offset: number, length: number): ByteText {
  const end = block.indexOf(0, offset);
  return block.toString("latin1", offset, end < 0 || end > offset + length ? offset + length : end);
}

/** A length in bytes. @throws HeaderProblem for none, or one that is negative or beyond reason. */
export function sizeNumber(block: Buffer, offset: number): number {
  const size = number(block, offset, 12, "size");
  if (size < 0) throw new HeaderProblem("its size is negative");
  return size;
}

/** A number in octal digits, or in GNU's base 256 where those do not suffice. */
function number(block: Buffer, offset: number, length: number, what: string): number {
  const first = block[offset] ?? 0;
  const value =
    (first & 0x80) === 0
      ? octal(block.toString("latin1", offset, offset + length))
      : base256(block, offset, length);
  if (Number.isSafeInteger(value)) return value;
  throw new HeaderProblem(`its ${what} is not a number`);
}

/** Blanks and NULs may stand on both sides; nothing at all is zero. */
function octal(field: string): number {
  const [, digits] = /^[\0 ]*([0-7]*)(?:[\0 ]|$)/.exec(field) ?? [];
  return digits === undefined ? Number.NaN : Number.parseInt(digits || "0", 8);
}

/** Two's complement, its topmost bit set as the mark. */
function base256(block: Buffer, offset: number, length: number): number {
  const isNegative = block[offset] === 0xff;
  let value = isNegative ? -1n : BigInt((block[offset] ?? 0) & 0x7f);
  for (let i = 1; i < length; i += 1) value = value * 256n + BigInt(block[offset + i] ?? 0);
  return Number(value);
}

/** Some old programs summed up signed bytes. */
function requireChecksum(block: Buffer): void {
  const expected = octal(
    block.toString("latin1", CHECKSUM_OFFSET, CHECKSUM_OFFSET + CHECKSUM_BYTES),
  );
  let unsigned = 0;
  let negative = 0;
  for (let i = 0; i < BLOCK_BYTES; i += 1) {
    const inChecksum = i >= CHECKSUM_OFFSET && i < CHECKSUM_OFFSET + CHECKSUM_BYTES;
    const byte = inChecksum ? BLANK : (block[i] ?? 0);
    unsigned += byte;
    if (byte > 0x7f) negative += 1;
  }
  if (expected === unsigned || expected === unsigned - negative * 256) return;
  throw new HeaderProblem("the checksum of a header does not match");
}
