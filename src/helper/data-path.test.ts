import assert from "node:assert/strict";
import { test } from "node:test";
import { inFastTime } from "../../test/fakes/time.ts";
import { withSignal } from "../abort.ts";
import type { ByteSink } from "../engine/sink-buffers.ts";
import { chooseDataPath } from "./data-path.ts";
import type { HelperReply } from "./reply.ts";
import type { HelperSession } from "./session.ts";
import type { Hello } from "./verbs.ts";

const SINK: ByteSink = { see: () => {}, take: () => Promise.resolve() };
const REPLY: HelperReply = { status: 0, facts: new Map(), messages: [], groups: [] };
const LOG = { debug: () => {}, info: () => {}, warn: () => {} };

/** A helper that replies at once, and a pipe that ends as `ended` does. */
function session(ended: Promise<void>): HelperSession {
  const exchange = {
    pipeInHelper: "/exchange/data",
    proves: () => Promise.resolve(true),
    openForReading: (_sink: ByteSink, signal: AbortSignal) =>
      Promise.resolve({ ended: withSignal(ended, signal) }),
  };
  const begin = () => ({ ready: Promise.resolve(true), reply: Promise.resolve(REPLY) });
  const parts: unknown = { exchange, begin };
  // Of a session the path uses no more than these.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return parts as HelperSession;
}

async function receive(ended: Promise<void>): Promise<HelperReply> {
  const hello: unknown = {};
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const path = await chooseDataPath(session(ended), hello as Hello, LOG);
  return path.receive((pipe) => ["archive", pipe], SINK, new AbortController().signal);
}

test("data that has come to its end is received", async () => {
  assert.equal(await receive(Promise.resolve()), REPLY);
});

test(
  "a pipe that stays open after the helper's reply is given up",
  { timeout: 20_000 },
  async (t) => {
    await inFastTime(t, () =>
      assert.rejects(receive(new Promise(() => {})), {
        code: "helper.ended",
        message: /stays open/,
      }),
    );
  },
);

test("a pipe that fails ends the wait for a reply", async () => {
  await assert.rejects(receive(Promise.reject(new Error("broken"))), /broken/);
});
