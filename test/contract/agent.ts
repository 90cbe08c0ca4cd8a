/** What restores and snapshots take for granted of whoever runs the helper's script, as tests: see src/helper/agent.ts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { StreamVerb, VolumeAgent } from "../../src/helper/agent.ts";

/** An agent beside a volume that holds one file. */
export interface AgentPlace extends AsyncDisposable {
  readonly agent: VolumeAgent;
  /** Ends the script's process, as a machine that is out of memory does. */
  readonly kill: () => Promise<void>;
}

const ID = "0123456789ab";
const never = new AbortController().signal;
/** More than a pipe or a connection holds. */
const LARGE_BYTES = 8 << 20;
/** In records of tar's. */
const ENOUGH = "1000";

/** @param what for the tests' names. */
export function agentContract(
  what: string,
  open: () => Promise<AgentPlace>,
  { skip = false }: { readonly skip?: string | false } = {},
): void {
  const clause = (title: string, check: (place: AgentPlace) => Promise<void>): void => {
    test(`${what}: ${title}`, { skip }, async () => {
      await using place = await open();
      await check(place);
    });
  };

  clause("a verb returns its facts", async ({ agent }) => {
    const { status, facts } = await agent.call(["inspect"]);
    assert.equal(status, 0);
    assert.match(facts.get("first_entry") ?? "", /\/volume\/file$/);
  });

  clause("a verb that fails is a status", async ({ agent }) => {
    const { status } = await agent.call(["swap_back", "ba9876543210"]);
    assert.notEqual(status, 0);
    assert.equal((await agent.call(["inspect"])).status, 0);
  });

  clause("verbs that are asked for at once follow one another", async ({ agent }) => {
    const [begun, resumed] = await Promise.all([
      agent.call(["begin", ID]),
      agent.call(["resume", ID]),
    ]);
    assert.deepEqual([begun.status, resumed.status], [0, 0]);
  });

  clause("a verb that has begun is finished, whoever stops waiting", async ({ agent }) => {
    const reason = new Error("no more of it");
    const asked = new AbortController();
    const begun = agent.call(["begin", ID], asked.signal);
    asked.abort(reason);
    await assert.rejects(begun, reason);
    assert.equal((await agent.call(["resume", ID])).status, 0);
  });

  clause(
    "what a verb writes is in the sink when it returns, and can be sent",
    async ({ agent }) => {
      const tar = await archiveOf(agent);
      assert.ok(tar.length > 0 && tar.length % 512 === 0);
      const { status, facts } = await agent.send(scan(ENOUGH), chunks(tar), never);
      assert.equal(status, 0);
      assert.equal(facts.get("entries"), "2");
    },
  );

  clause("a source's own error is thrown, once the verb has ended", async ({ agent }) => {
    const failure = new Error("the disk is gone");
    const tar = await archiveOf(agent);
    await assert.rejects(agent.send(scan(ENOUGH), failing(tar, failure), never));
    assert.equal((await agent.call(["inspect"])).status, 0);
  });

  clause("a verb that does not read all of its input says why", async ({ agent }) => {
    const { facts } = await agent.send(scan("1"), zeros(), never);
    assert.ok(facts.has("over_limit"));
    assert.equal((await agent.call(["inspect"])).status, 0);
  });

  clause("whoever waits for a script that dies hears of it", async ({ agent, kill }) => {
    const sent = agent.send(scan(ENOUGH), endless(), never);
    sent.catch(() => {});
    await kill();
    await assert.rejects(sent);
    await assert.rejects(agent.call(["inspect"]));
  });
}

async function archiveOf(agent: VolumeAgent): Promise<Buffer> {
  const taken: Buffer[] = [];
  const sink = {
    see: () => {},
    take: async (bytes: Uint8Array) => void taken.push(Buffer.from(bytes)),
  };
  const { status } = await agent.receive((output) => ["archive", output, "none"], sink, never);
  assert.equal(status, 0);
  return Buffer.concat(taken);
}

function scan(records: string): StreamVerb {
  return (input) => ["scan", input, "none", records];
}

async function* chunks(bytes: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += 1000) yield bytes.subarray(at, at + 1000);
}

async function* failing(bytes: Buffer, error: Error): AsyncGenerator<Buffer> {
  yield bytes.subarray(0, 512);
  throw error;
}

async function* zeros(): AsyncGenerator<Buffer> {
  const chunk = Buffer.alloc(64 << 10);
  for (let sent = 0; sent < LARGE_BYTES; sent += chunk.length) yield chunk;
}

/** Enough for a verb to be at work, and then nothing. */
async function* endless(): AsyncGenerator<Buffer> {
  yield Buffer.alloc(512);
  await new Promise(() => {});
}
