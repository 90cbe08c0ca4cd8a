import type { Log } from "../log.ts";
import type { Sidecar } from "../snapshot/sidecar.ts";
import { containerTitle, type VolumeUser } from "../workload/users.ts";

/**
 * What there is to warn of while a volume is read. What was so when its newest snapshot was taken is told only to those
 * who look for it: a warning that comes every night hides the one that is new.
 */
export class ReadingWarnings {
  readonly #volume: string;
  readonly #log: Log;
  readonly #reasons: ReadonlySet<string>;
  readonly #writers: ReadonlySet<string>;
  #repeated = 0;

  /** @param newest what is recorded of the newest snapshot; `undefined` where all is to be told. */
  constructor(volume: string, newest: Sidecar | undefined, log: Log) {
    this.#volume = volume;
    this.#log = log;
    this.#reasons = new Set((newest?.warnings ?? []).map(reasonIn));
    this.#writers = new Set(
      (newest?.containers ?? [])
        .filter(({ state, read_write: readWrite }) => state === "running" && readWrite)
        .map(({ name }) => name),
    );
  }

  /** How many were told before. */
  get repeated(): number {
    return this.#repeated;
  }

  /** Of containers that run and can write to the volume. */
  writers(users: readonly VolumeUser[]): void {
    for (const { container, readWrite } of users) {
      if (container.state !== "running" || !readWrite) continue;
      this.#tell(
        `${containerTitle(container)} is running and can write to volume "${this.#volume}": files may change while they are read`,
        this.#writers.has(container.name),
      );
    }
  }

  /** Of what is in the archive, or is not: as the sidecar records it. */
  remarks(texts: readonly string[]): void {
    for (const text of texts) {
      this.#tell(`${this.#volume}: ${text}`, this.#reasons.has(reasonIn(text)));
    }
  }

  #tell(text: string, wasTold: boolean): void {
    if (wasTold) {
      this.#repeated += 1;
      this.#log.debug(text);
    } else {
      this.#log.warn(text);
    }
  }
}

/** A remark without what is another each time: the names before its colon, and numbers with their plurals. */
function reasonIn(text: string): string {
  return text
    .slice(text.lastIndexOf(": ") + 1)
    .replaceAll(/\d[\d.,]*(?: [kMGTP]?B\b)?/g, "#")
    .replaceAll(/# (?:entry|entries)/g, "#");
}
