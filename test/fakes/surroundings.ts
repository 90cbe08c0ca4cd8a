import type { Advice } from "../../src/advice.ts";
import type { OperationEvent } from "../../src/events.ts";
import type { Log, LogLevel } from "../../src/log.ts";
import type { Tools } from "../../src/tools.ts";
import type { VolumeTarget } from "../../src/lock/target.ts";
import type { FakeClient } from "./client.ts";
import { MemoryStore } from "./memory-store.ts";

/** Keeps what was said. */
export class FakeLog implements Log {
  readonly lines: { readonly level: LogLevel; readonly text: string }[] = [];
  /** What was advised with warnings. */
  readonly advice: Advice[] = [];

  debug(text: string): void {
    this.lines.push({ level: "debug", text });
  }

  info(text: string): void {
    this.lines.push({ level: "info", text });
  }

  warn(text: string, ...advice: readonly Advice[]): void {
    this.advice.push(...advice);
    this.lines.push({ level: "warn", text });
  }

  get warnings(): readonly string[] {
    return this.lines.filter(({ level }) => level === "warn").map(({ text }) => text);
  }
}

export interface FakeTools extends Tools {
  readonly log: FakeLog;
  /** What was told, in its order. */
  readonly events: readonly OperationEvent[];
}

/** @param client who this is, in the labels of what it makes. */
export function fakeTools(
  client = "somebody",
  signal: AbortSignal = new AbortController().signal,
): FakeTools {
  const events: OperationEvent[] = [];
  return {
    events,
    log: new FakeLog(),
    emit: (event) => events.push(event),
    startProgress: () => ({ advance: () => {}, report: () => {}, end: () => {} }),
    startWait: () => () => {},
    now: () => new Date("2026-01-02T03:04:05Z"),
    signal,
    version: "1.2.3",
    // Nothing can be shared with a helper: data goes by exec.
    temporaryFolder: "/no/such/folder",
    client,
    runsHere: (other) => other === "alive",
  };
}

/** A volume that the manifest does not declare. */
export function fakeTarget(engine: FakeClient, volume: string): VolumeTarget {
  return {
    engine,
    context: "default",
    volume,
    declared: false,
    declaredVolumes: [],
    declaredShape: undefined,
    store: new MemoryStore(),
    storedAs: { context: undefined, volume },
    findHelperImage: () => Promise.resolve({ reference: "helper:1", origin: "prepared earlier" }),
    helperCapabilities: [],
  };
}
