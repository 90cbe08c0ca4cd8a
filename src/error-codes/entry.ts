/** What went wrong, as far as an exit code tells cases apart. */
export type ErrorKind =
  | "failed"
  | "usage"
  | "manifest"
  | "refused"
  | "integrity"
  | "unreachable"
  | "stale"
  | "interrupted";

export const EXIT_CODES: Readonly<Record<ErrorKind, number>> = {
  failed: 1,
  usage: 2,
  manifest: 2,
  refused: 3,
  integrity: 4,
  unreachable: 5,
  stale: 6,
  interrupted: 130,
};

/** What docs/errors.md says of a code, and the kind of all errors that carry it. */
export interface ErrorEntry {
  readonly kind: ErrorKind;
  /** Why it happens. */
  readonly cause: string;
  /** What to do about it. */
  readonly cure: string;
}

/** Those of one room: code -> entry. */
export type ErrorEntries = Readonly<Record<string, ErrorEntry>>;
