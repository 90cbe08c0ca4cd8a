import assert from "node:assert/strict";
import { test } from "node:test";
import {
  interruptionIn,
  operationInTheWay,
  operationLabels,
  OPERATIONS,
  readJournal,
  recordLabels,
  standInLabels,
  type JournalContainer,
  type Operation,
  type OperationName,
} from "./operation.ts";

const begun = { client: "root@host, process 1", startedAt: "2026-11-24T05:31:11Z" };

function helper(
  name: OperationName,
  state: string,
  { exitCode, volume = "data" }: { readonly exitCode?: number; readonly volume?: string } = {},
): JournalContainer {
  const staging = name === "snapshot" ? undefined : ".dockform-0123456789ab";
  const labels = operationLabels({ ...begun, name, volume, staging });
  return { id: `${name}-${state}`, name: `dockform-${name}`, state, exitCode, labels };
}

function stoppedContainers(volume = "data"): JournalContainer {
  const labels = recordLabels("stopped-containers", volume, "[]");
  return { id: "record", name: "dockform-record", state: "created", exitCode: undefined, labels };
}

const keptContents: JournalContainer = {
  ...stoppedContainers(),
  labels: recordLabels("kept-contents", "data", "{}"),
};

test("what labels say is read as it was written", () => {
  const operation: Operation = { ...begun, name: "undo", volume: "data", staging: ".dockform-x" };
  const [found] = readJournal([
    {
      id: "1",
      name: "n",
      state: "running",
      exitCode: undefined,
      labels: operationLabels(operation),
    },
  ]).operations;
  assert.deepEqual(found?.operation, operation);
  const [record] = readJournal([stoppedContainers()]).records;
  assert.deepEqual(record, {
    containerId: "record",
    containerName: "dockform-record",
    state: "created",
    name: "stopped-containers",
    volume: "data",
    text: "[]",
  });
});

test("containers of others, and of other volumes, are left out", () => {
  const foreign = { ...stoppedContainers(), labels: { "io.dockform.helper": "something else" } };
  const none = { ...stoppedContainers(), labels: {} };
  const journal = readJournal(
    [foreign, none, helper("restore", "running", { volume: "other" })],
    "data",
  );
  assert.deepEqual(journal, { operations: [], records: [] });
});

test("a container's state proves whether its client is there", () => {
  const standing = (state: string, exitCode?: number): string | undefined =>
    readJournal([helper("restore", state, exitCode === undefined ? {} : { exitCode })])
      .operations[0]?.standing;
  assert.equal(standing("running"), "alive");
  assert.equal(standing("paused"), "alive");
  assert.equal(standing("created"), "unstarted");
  assert.equal(standing("exited", 0), "settled");
  assert.equal(standing("exited", 3), "interrupted");
  assert.equal(standing("exited", 137), "interrupted");
  assert.equal(standing("exited"), "interrupted");
  assert.equal(standing("dead"), "interrupted");
  assert.equal(standing("removing"), "going");
});

test("a stand-in or a record that the engine is removing tells of no interruption any more", () => {
  const standIn = (state: string): JournalContainer => {
    const [found] = readJournal([helper("restore", "exited", { exitCode: 137 })]).operations;
    assert.ok(found);
    return { ...stoppedContainers(), state, labels: standInLabels(found.operation) };
  };
  const interrupted = (container: JournalContainer): boolean =>
    interruptionIn(readJournal([container])) !== undefined;
  for (const record of [standIn, (state: string) => ({ ...stoppedContainers(), state })]) {
    assert.equal(interrupted(record("removing")), false);
    assert.equal(interrupted(record("created")), true);
    assert.equal(interrupted(record("dead")), true, "an engine could not remove it");
  }
});

test("readers go together, a writer goes with nobody", () => {
  const inTheWay = (other: OperationName, beginning: OperationName): boolean =>
    operationInTheWay(readJournal([helper(other, "running")]), beginning) !== undefined;
  assert.equal(inTheWay("snapshot", "snapshot"), false);
  for (const writer of ["restore", "undo", "recover"] as const) {
    assert.equal(inTheWay(writer, "snapshot"), true, writer);
    assert.equal(inTheWay("snapshot", writer), true, writer);
    assert.equal(inTheWay(writer, "restore"), true, writer);
  }
});

test("exclusion is mutual, and a look is in nobody's way", () => {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const names = Object.keys(OPERATIONS) as OperationName[];
  for (const one of names) {
    for (const other of names) {
      const bothWays = [
        OPERATIONS[one].excludes.includes(other),
        OPERATIONS[other].excludes.includes(one),
      ];
      assert.equal(bothWays[0], bothWays[1], `${one}, ${other}`);
    }
    assert.equal(OPERATIONS[one].excludes.includes("look"), false, one);
  }
});

test("who has not begun yet is in the way, who has ended or is being removed is not", () => {
  const journal = (container: JournalContainer) => readJournal([container]);
  assert.notEqual(operationInTheWay(journal(helper("restore", "created")), "snapshot"), undefined);
  const ended = journal(helper("restore", "exited", { exitCode: 137 }));
  assert.equal(operationInTheWay(ended, "snapshot"), undefined);
  assert.equal(operationInTheWay(journal(helper("restore", "removing")), "snapshot"), undefined);
});

test("what holds a volume in memory for an operation that is over is an interruption", () => {
  const holder = {
    ...stoppedContainers(),
    state: "running",
    labels: recordLabels("volume-in-memory", "data", "44"),
  };
  const [record] = readJournal([holder]).records;
  assert.deepEqual(
    [record?.name, record?.state, record?.text],
    ["volume-in-memory", "running", "44"],
  );
  assert.deepEqual(interruptionIn(readJournal([holder])), record);
  assert.equal(interruptionIn(readJournal([holder, helper("restore", "running")])), undefined);
});

test("a helper that left something, or a record that nobody holds, is an interruption", () => {
  const interrupted = (...containers: readonly JournalContainer[]): boolean =>
    interruptionIn(readJournal(containers)) !== undefined;
  assert.equal(interrupted(helper("restore", "exited", { exitCode: 137 })), true);
  assert.equal(interrupted(helper("restore", "exited", { exitCode: 0 })), false);
  assert.equal(interrupted(stoppedContainers()), true);
  assert.equal(
    interrupted(helper("restore", "exited", { exitCode: 0 }), stoppedContainers()),
    true,
  );
  assert.equal(interrupted(helper("restore", "running"), stoppedContainers()), false);
  assert.equal(interrupted(helper("snapshot", "running"), stoppedContainers()), true);
  assert.equal(interrupted(helper("restore", "removing"), stoppedContainers()), true);
  assert.equal(interrupted(keptContents), false);
  assert.equal(interrupted(), false);
});

test("what stands in for a dead helper tells the same, in whatever state it is", () => {
  const operation: Operation = {
    ...begun,
    name: "restore",
    volume: "data",
    staging: ".dockform-x",
  };
  const standIn = { ...stoppedContainers(), labels: standInLabels(operation) };
  const journal = readJournal([standIn]);
  assert.deepEqual(journal.operations[0]?.operation, operation);
  assert.equal(journal.operations[0]?.standing, "interrupted");
  assert.notEqual(interruptionIn(journal), undefined);
  assert.equal(operationInTheWay(journal, "snapshot"), undefined);
});

test("what was cut short is left to the one who recovers it", () => {
  const dead = helper("restore", "exited", { exitCode: 137 });
  const journal = readJournal([dead, stoppedContainers(), helper("recover", "running")]);
  assert.equal(interruptionIn(journal), undefined);
  assert.equal(operationInTheWay(journal, "snapshot")?.operation.name, "recover");
});
