import { BoundProblem, KEY_BYTES_MAX } from "./bounds.ts";
import { HeaderProblem, type ByteText } from "./header.ts";

/** One record of an extended header. There may be millions that nobody looks at. */
export interface PaxRecord {
  readonly key: ByteText;
  /** Bytes of any kind, in the header's own memory. */
  readonly value: () => Buffer;
}

const LENGTH = /^(\d{1,10}) /;
const LENGTH_BYTES_MAX = 11;

/**
 * The records of an extended header, of the form `length key=value\n`, the length counting itself.
 *
 * @throws HeaderProblem, BoundProblem
 */
export function* paxRecords(header: Buffer): Generator<PaxRecord> {
  for (let start = 0; start < header.length;) {
    const [prefix, digits] =
      LENGTH.exec(header.toString("latin1", start, start + LENGTH_BYTES_MAX)) ?? [];
    const end = start + Number(digits);
    const from = start + (prefix?.length ?? 0);
    const equals = header.indexOf("=", from);
    // 10 is the line end.
    if (!(end <= header.length) || equals < from || equals >= end || header[end - 1] !== 10) {
      throw new HeaderProblem("an extended header is not of the form `length key=value`");
    }
    if (equals - from > KEY_BYTES_MAX) {
      throw new BoundProblem(`a field of an extended header has a name of ${equals - from} bytes`);
    }
    const key = header.toString("latin1", from, equals);
    yield { key, value: () => header.subarray(equals + 1, end - 1) };
    start = end;
  }
}

/** A value that is a text, one character a byte. */
export function paxText(value: Buffer): ByteText {
  return value.toString("latin1");
}

/** A whole number that counts something. @throws HeaderProblem */
export function paxNumber(value: Buffer, key: string): number {
  const text = value.toString("latin1");
  const number = /^\d{1,20}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(number)) return number;
  throw new HeaderProblem(`${key} in an extended header is not a valid number: ${quoted(text)}`);
}

const TIME = /^(-?)(\d{1,15})(?:\.(\d*))?$/;
const SECOND_NS = 1_000_000_000n;

/** A time in seconds with a fraction, as nanoseconds since 1970. @throws HeaderProblem */
export function paxTimeNs(value: Buffer): bigint {
  const text = value.toString("latin1");
  const [, sign, seconds, fraction = ""] = TIME.exec(text) ?? [];
  if (seconds === undefined) {
    throw new HeaderProblem(`mtime in an extended header is not a time: ${quoted(text)}`);
  }
  const magnitude = BigInt(seconds) * SECOND_NS + BigInt(fraction.slice(0, 9).padEnd(9, "0"));
  return sign === "-" ? -magnitude : magnitude;
}

function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 40));
}
