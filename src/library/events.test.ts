import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { DockformError } from "../errors.ts";
import type { DockformEvent } from "./api.ts";
import { Events } from "./events.ts";

test("progress is told at most ten times a second, and once more at the end of the task", () => {
  const events: DockformEvent[] = [];
  const { startProgress } = new Events((event) => events.push(event));
  const task = startProgress("Reading data", 4000);
  for (let call = 0; call < 1000; call += 1) task.advance(4);
  task.report({ entries: 3 });
  task.end();
  assert.ok(events.length < 100, String(events.length));
  assert.deepEqual(events.at(-1), {
    type: "progress",
    task: "Reading data",
    bytes: 4000,
    totalBytes: 4000,
    entries: 3,
    totalEntries: undefined,
    ended: true,
  });
});

test("what is logged is a message with its level; an error brings its hint along", () => {
  const events: DockformEvent[] = [];
  const { log } = new Events((event) => events.push(event));
  log.debug("a");
  log.warn("b", { code: "recover", volume: "data", when: "first" });
  log.error(new DockformError("volume.not-found", "it is not there", { hint: "Look." }));
  assert.deepEqual(events, [
    { type: "message", level: "debug", message: "a", advice: [] },
    {
      type: "message",
      level: "warn",
      message: "b",
      advice: [{ code: "recover", volume: "data", when: "first" }],
    },
    { type: "message", level: "warn", message: "it is not there. Look.", advice: [] },
  ]);
});

test("an error of a listener ends nothing that is under way, and is not swallowed", async () => {
  const listeners = process.listeners("uncaughtException");
  process.removeAllListeners("uncaughtException");
  try {
    const uncaught = once(process, "uncaughtException");
    new Events(() => {
      throw new Error("in the listener");
    }).log.info("a");
    const [error] = await uncaught;
    assert.match(String(error), /in the listener/);
  } finally {
    for (const listener of listeners) process.on("uncaughtException", listener);
  }
});
