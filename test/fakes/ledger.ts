import type { FoundRecord, RecordName } from "../../src/journal/operation.ts";
import type { Ledger } from "../../src/workload/ledger.ts";

/** A ledger that outlives whoever wrote into it. */
export class FakeLedger implements Ledger {
  readonly volume: { readonly name: string };
  isAbandoned = false;
  /** How many records there have been. */
  made = 0;
  /** Thrown instead of forgetting anything. */
  failure: Error | undefined;
  readonly #records = new Map<string, FoundRecord>();

  constructor(volume: string) {
    this.volume = { name: volume };
  }

  record(name: RecordName, text: string): Promise<string> {
    this.made += 1;
    const containerId = `record-${this.made}`;
    const volume = this.volume.name;
    const record = {
      containerId,
      containerName: containerId,
      state: "created",
      name,
      volume,
      text,
    };
    this.#records.set(containerId, record);
    return Promise.resolve(containerId);
  }

  removeContainer(id: string): Promise<void> {
    if (this.failure !== undefined) return Promise.reject(this.failure);
    this.#records.delete(id);
    return Promise.resolve();
  }

  abandon(): void {
    this.isAbandoned = true;
  }

  found(): readonly FoundRecord[] {
    return [...this.#records.values()];
  }
}
