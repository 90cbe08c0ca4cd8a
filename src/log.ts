export type LogLevel = "debug" | "info" | "warn" | "error";

/** Where the verbs say what they do; the CLI decides what becomes of it. */
export interface Log {
  debug(message: string): void;
  info(message: string): void;
  warn(message: string): void;
}
