import type { RecordName } from "../journal/operation.ts";

/** Where an operation on a volume leaves word of what must outlive its client, for a recovery to find. */
export interface Ledger {
  readonly volume: { readonly name: string };
  /** Keeps a text, and returns the id to remove it by. */
  record(name: RecordName, text: string): Promise<string>;
  /** Forgets a text; one that is gone already is as good. */
  removeContainer(id: string): Promise<void>;
  /** Says that something was not finished: what is recorded stays. */
  abandon(): void;
}
