/** The steps of an operation that take time, or after which something is different. */
export type Phase =
  | "snapshot"
  | "check"
  | "extract"
  | "verify"
  | "safety"
  | "prove"
  | "clear"
  | "stop"
  | "swap"
  | "start"
  | "health"
  | "go-back"
  | "clean-up";

/** Something that a face may want to show, or a program to know, while an operation goes on. */
export type OperationEvent = {
  readonly type: "phase";
  readonly phase: Phase;
  /** Those that are worked on together. */
  readonly volumes: readonly string[];
};

/** Is told of events as they happen; it must not throw. */
export type Emit = (event: OperationEvent) => void;
