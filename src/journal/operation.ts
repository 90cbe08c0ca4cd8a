/**
 * What helper containers tell of the operations they serve. The engine is the journal: a name that one
 * container at a time can have is the lock, labels say who works on what, and the container's state
 * proves whether its client is still there, since a helper ends when its client's connection does.
 */

/** The label that tells our containers from others; its value is an {@link OperationName} or a {@link RecordName}. */
export const HELPER_LABEL = "io.dockform.helper";
const VOLUME_LABEL = "io.dockform.helper.volume";
const CLIENT_LABEL = "io.dockform.helper.client";
const STARTED_LABEL = "io.dockform.helper.started_at";
const STAGING_LABEL = "io.dockform.helper.staging";
const STAND_IN_LABEL = "io.dockform.helper.stand_in";
const RECORD_LABEL = "io.dockform.record";

/** An operation that writes to a volume. */
export type WritingName = "restore" | "undo" | "recover";

/**
 * An operation that has a helper container. That of a look is never started: the engine reads from it whether a file is
 * in the volume.
 */
export type OperationName = "snapshot" | "look" | WritingName;

/**
 * A container that only carries what must outlive the client. All but `volume-in-memory`, which has the volume mounted
 * and its device number as text, are never started.
 */
export type RecordName =
  | "stopped-containers"
  | "kept-contents"
  | "leftover"
  | "set-aside"
  | "volume-in-memory";

/** How an operation has its volume, beside whom it works, and what it leaves behind. */
interface OperationTraits {
  /** Whether its helper can write to the volume. */
  readonly mounts: "ro" | "rw";
  /** Those that must not be at work on the volume at the same time; exclusion is mutual. */
  readonly excludes: readonly OperationName[];
  /** Whether its helper and its records stay where it was cut short, for a recovery to bring it to its end. */
  readonly needsRecovery: boolean;
}

const WRITING: OperationTraits = {
  mounts: "rw",
  excludes: ["snapshot", "restore", "undo", "recover"],
  needsRecovery: true,
};

export const OPERATIONS: Readonly<Record<OperationName, OperationTraits>> = {
  snapshot: { mounts: "ro", excludes: ["restore", "undo", "recover"], needsRecovery: false },
  look: { mounts: "ro", excludes: [], needsRecovery: false },
  restore: WRITING,
  undo: WRITING,
  recover: WRITING,
};

/** An operation on a volume, as the labels of its helper say it. */
export interface Operation {
  readonly name: OperationName;
  readonly volume: string;
  /** Who began it: `root@host, process 123`. */
  readonly client: string;
  /** RFC 3339. */
  readonly startedAt: string;
  /** The folder inside the volume where new contents are made ready; a snapshot has none. */
  readonly staging: string | undefined;
}

/** What is needed of a container's entry in the engine's list. */
export interface JournalContainer {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly exitCode: number | undefined;
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * - `alive`: its helper runs, so its client is connected, or its last step is being finished.
 * - `unstarted`: its helper was created and not started: begun a moment ago, or left by a client that died.
 * - `settled`: its client is gone, and its helper left nothing to be done.
 * - `going`: its helper has ended, and the engine is removing it. What it left is found without it.
 * - `interrupted`: its helper ended otherwise; the volume has to be looked at.
 */
export type Standing = "alive" | "unstarted" | "settled" | "going" | "interrupted";

/** An operation's helper as it is found in the engine. */
export interface FoundOperation {
  readonly containerId: string;
  readonly containerName: string;
  readonly operation: Operation;
  readonly standing: Standing;
  /** Of one that is settled: whether the contents from before it are in place, or those that it brought. */
  readonly settledOn: "before" | "after" | undefined;
}

/** A record as it is found in the engine; `text` is what {@link recordLabels} was given. */
export interface FoundRecord {
  readonly containerId: string;
  readonly containerName: string;
  /** The container's. */
  readonly state: string;
  readonly name: RecordName;
  readonly volume: string;
  readonly text: string;
}

export interface Journal {
  readonly operations: readonly FoundOperation[];
  readonly records: readonly FoundRecord[];
}

const RECORD_NAMES: readonly string[] = [
  "stopped-containers",
  "kept-contents",
  "leftover",
  "volume-in-memory",
  "set-aside",
] satisfies RecordName[];

export function operationLabels(operation: Operation): Readonly<Record<string, string>> {
  return {
    [HELPER_LABEL]: operation.name,
    [VOLUME_LABEL]: operation.volume,
    [CLIENT_LABEL]: operation.client,
    [STARTED_LABEL]: operation.startedAt,
    ...(operation.staging === undefined ? {} : { [STAGING_LABEL]: operation.staging }),
  };
}

/** Of a container that is never started, and tells of an interrupted operation in place of its helper. */
export function standInLabels(operation: Operation): Readonly<Record<string, string>> {
  return { ...operationLabels(operation), [STAND_IN_LABEL]: "true" };
}

export function recordLabels(
  name: RecordName,
  volume: string,
  text: string,
): Readonly<Record<string, string>> {
  return { [HELPER_LABEL]: name, [VOLUME_LABEL]: volume, [RECORD_LABEL]: text };
}

/** Sorts our own containers out of a list, but for records that the engine is removing; those of one volume where one is named. */
export function readJournal(containers: readonly JournalContainer[], volume?: string): Journal {
  const journal = {
    operations: containers.flatMap((container) => toOperation(container) ?? []),
    records: containers.flatMap((container) => toRecord(container) ?? []),
  };
  return volume === undefined ? journal : ofVolume(journal, volume);
}

/** What a journal says of one volume, or of several through which the same files are reached. */
export function ofVolume({ operations, records }: Journal, ...volumes: readonly string[]): Journal {
  return {
    operations: operations.filter(({ operation }) => volumes.includes(operation.volume)),
    records: records.filter(({ volume }) => volumes.includes(volume)),
  };
}

function toOperation(container: JournalContainer): FoundOperation | undefined {
  const { id, name, state, exitCode, labels } = container;
  const operation = labels[HELPER_LABEL];
  if (!isOperationName(operation)) return undefined;
  const standing = standingOf(state, exitCode, labels[STAND_IN_LABEL] !== undefined);
  return {
    containerId: id,
    containerName: name,
    standing,
    settledOn: standing === "settled" ? settledOn(exitCode) : undefined,
    operation: {
      name: operation,
      volume: labels[VOLUME_LABEL] ?? "",
      client: labels[CLIENT_LABEL] ?? "an unknown client",
      startedAt: labels[STARTED_LABEL] ?? "an unknown time",
      staging: labels[STAGING_LABEL],
    },
  };
}

function toRecord(container: JournalContainer): FoundRecord | undefined {
  const { id, name: containerName, state, labels } = container;
  const name = labels[HELPER_LABEL];
  // Whoever removes a record has done what it says is to be done.
  if (!isRecordName(name) || state === "removing") return undefined;
  const volume = labels[VOLUME_LABEL] ?? "";
  return { containerId: id, containerName, state, name, volume, text: labels[RECORD_LABEL] ?? "" };
}

function isOperationName(text: string | undefined): text is OperationName {
  return text !== undefined && Object.hasOwn(OPERATIONS, text);
}

function isRecordName(text: string | undefined): text is RecordName {
  return text !== undefined && RECORD_NAMES.includes(text);
}

/** With this the helper's script ends where nothing of its operation is left but the contents that it brought. */
const CONCLUDED = 4;

function settledOn(exitCode: number | undefined): "before" | "after" | undefined {
  if (exitCode === 0) return "before";
  return exitCode === CONCLUDED ? "after" : undefined;
}

/**
 * The helper's script ends with 0, or {@link CONCLUDED}, only when nothing of its operation is left in the volume. A container that the engine
 * could not remove is dead, and does not say how it ended. One that runs is never said to be removing.
 */
function standingOf(state: string, exitCode: number | undefined, isStandIn: boolean): Standing {
  if (state === "removing") return "going";
  if (isStandIn) return "interrupted";
  if (state === "created") return "unstarted";
  if (state === "exited") return settledOn(exitCode) === undefined ? "interrupted" : "settled";
  return state === "dead" ? "interrupted" : "alive";
}

/**
 * The operation that stands in the way of one that is about to begin: one that works on the volume
 * now, where the two exclude each other.
 */
export function operationInTheWay(
  { operations }: Journal,
  beginning: OperationName,
): FoundOperation | undefined {
  const { excludes } = OPERATIONS[beginning];
  return operations.find(
    ({ operation, standing }) =>
      (standing === "alive" || standing === "unstarted") && excludes.includes(operation.name),
  );
}

/** Whether a record tells of an operation that has not come to its end. */
export function isUnfinished({ name }: FoundRecord): boolean {
  return name === "stopped-containers" || name === "volume-in-memory";
}

/**
 * What of a volume's operations was cut short: the helper that says so, or a record that nobody holds. While
 * an operation that leaves such a record is alive, it is that one's to end.
 */
export function interruptionIn(journal: Journal): FoundOperation | FoundRecord | undefined {
  const recoverable = journal.operations.filter(
    ({ operation }) => OPERATIONS[operation.name].needsRecovery,
  );
  if (recoverable.some(({ standing }) => standing === "alive")) return undefined;
  return (
    recoverable.find(({ standing }) => standing === "interrupted") ??
    journal.records.find(isUnfinished)
  );
}

/** An operation for a sentence: `restore by root@host, process 123, since 2026-11-24T05:31:11Z`. */
export function describeOperation({ name, client, startedAt }: Operation): string {
  return `${name} by ${client}, since ${startedAt}`;
}
