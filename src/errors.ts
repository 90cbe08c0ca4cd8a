import type { Advice } from "./advice.ts";
import { ERROR_CODES, type ErrorCode } from "./error-codes/codes.ts";
import { EXIT_CODES, type ErrorKind } from "./error-codes/entry.ts";
import { showable } from "./showable.ts";

export type { Advice, ErrorCode };

export interface ErrorDetails {
  /** What the person should do next, as a full sentence. */
  readonly hint?: string;
  /** The same, where it depends on how this program is called. It follows the hint. */
  readonly advice?: readonly Advice[];
  /** The underlying error, kept for `--log-level debug`. */
  readonly cause?: unknown;
  /** The message line by line, where it has several; none of them holds a line end from elsewhere. */
  readonly lines?: readonly string[];
  /** Machine-readable facts, printed under `--json`. */
  readonly data?: Readonly<Record<string, unknown>>;
}

/**
 * The one error type of this program. It is raised where the facts are known: `code` names the situation for
 * scripts (docs/errors.md), `message` says what happened and to what, `hint` and `advice` what to do next.
 */
export class DockformError extends Error {
  override readonly name = "DockformError";
  readonly code: ErrorCode;
  /** Decides the exit code. */
  readonly kind: ErrorKind;
  readonly hint: string | undefined;
  readonly advice: readonly Advice[];
  /** The message as it is shown to people: one line, unless it was made of several. */
  readonly lines: readonly string[];
  readonly data: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.kind = ERROR_CODES[code].kind;
    this.hint = details.hint;
    this.advice = details.advice ?? [];
    this.lines = details.lines ?? [message];
    this.data = details.data ?? {};
  }

  get exitCode(): number {
    return EXIT_CODES[this.kind];
  }
}

/** The text of anything that was thrown, for a message that wraps it. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The same with where it was thrown, a line each; the message is one of them. */
export function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return showable(String(error));
  const message = showable(error.message);
  return error.stack?.replace(error.message, () => message) ?? message;
}

/** What only a defect of this program throws. */
export function unexpected(text: string, cause: unknown): DockformError {
  return new DockformError("internal.unexpected", `unexpected: ${text}`, {
    hint: "This is a bug in dockform. Please report it with the lines above.",
    lines: `unexpected: ${text}`.split("\n"),
    cause,
  });
}

/** The system's code (`ENOENT`, `EACCES`, ...) of anything that was thrown. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || error instanceof DockformError) return undefined;
  if (!("code" in error)) return undefined;
  return typeof error.code === "string" ? error.code : undefined;
}
