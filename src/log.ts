import type { Advice } from "./advice.ts";

export type LogLevel = "debug" | "info" | "warn" | "error";

/** Where the verbs say what they do; the CLI decides what becomes of it. */
export interface Log {
  debug(message: string): void;
  info(message: string): void;
  /** @param advice what to do about it. With any, the message has no full stop. */
  warn(message: string, ...advice: readonly Advice[]): void;
}
