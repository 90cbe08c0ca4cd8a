import type { Advice } from "../advice.ts";
import type { HelperProgress } from "../helper/reply.ts";
import type { FailureLog } from "../app/several.ts";
import type { Log } from "../log.ts";
import type { StartProgress } from "../tools.ts";
import type { StartWait } from "../wait.ts";
import type { DockformEvent, MessageEvent } from "./api.ts";

const PROGRESS_MS = 100;

/** Turns what the rooms say while they work into events. */
export class Events {
  readonly #on: ((event: DockformEvent) => void) | undefined;
  readonly log: Log & FailureLog = {
    debug: (message) => this.#say("debug", message),
    info: (message) => this.#say("info", message),
    warn: (message: string, ...advice: readonly Advice[]) => this.#say("warn", message, advice),
    error: ({ message, hint, advice }) =>
      this.#say("warn", hint === undefined ? message : `${message}. ${hint}`, advice),
  };

  constructor(on: ((event: DockformEvent) => void) | undefined) {
    this.#on = on;
  }

  /** What a listener throws must not end a restore half-way. */
  readonly emit = (event: DockformEvent): void => {
    try {
      this.#on?.(event);
    } catch (error) {
      queueMicrotask(() => {
        throw error;
      });
    }
  };

  readonly startWait: StartWait = (what) => {
    this.#say("info", what);
    return () => {};
  };

  readonly startProgress: StartProgress = (task, totalBytes) => {
    let progress: HelperProgress = totalBytes === undefined ? {} : { totalBytes };
    let saidMs = 0;
    const say = (ended: boolean): void => {
      const { bytes = 0, entries, totalEntries } = progress;
      const of = progress.totalBytes;
      this.emit({ type: "progress", task, bytes, totalBytes: of, entries, totalEntries, ended });
    };
    const change = (more: HelperProgress): void => {
      progress = { ...progress, ...more };
      if (performance.now() - saidMs < PROGRESS_MS) return;
      saidMs = performance.now();
      say(false);
    };
    return {
      advance: (bytes) => change({ bytes: (progress.bytes ?? 0) + bytes }),
      report: change,
      end: () => say(true),
    };
  };

  #say(level: MessageEvent["level"], message: string, advice: readonly Advice[] = []): void {
    this.emit({ type: "message", level, message, advice });
  }
}
