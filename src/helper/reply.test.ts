import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { test } from "node:test";
import { DockformError } from "../errors.ts";
import { ReplyReader, type HelperProgress } from "./reply.ts";

const MARK = "0123456789abcdef";

test("a fact within a message leaves the message whole", async () => {
  const seen: HelperProgress[] = [];
  const stderr = Readable.from([
    `tar: ${MARK} passed 1000\n`,
    `./a: ${MARK} passed 2000\nsocket ignored\n`,
    `${MARK} files 3\n${MARK} end 0\n`,
  ]);
  const reply = await new ReplyReader(stderr, MARK).expect((each) => seen.push(each)).reply;
  assert.deepEqual(reply.messages, ["tar: ./a: socket ignored"]);
  assert.deepEqual([...reply.facts], [["files", "3"]]);
  assert.deepEqual(seen, [{ entries: 1000 }, { entries: 2000 }]);
});

test("tar's checkpoints and what is expected are progress, not messages or facts", async () => {
  const seen: HelperProgress[] = [];
  const stderr = Readable.from([
    `tar: Write checkpoint 400\n${MARK} expected 5000000 12\ntar: Write checkpoint 800\n`,
    `tar: ./Write checkpoint 1: File removed before we read it\n${MARK} end 1\n`,
  ]);
  const reply = await new ReplyReader(stderr, MARK).expect((each) => seen.push(each)).reply;
  assert.deepEqual(seen, [
    { bytes: 24_576_000 },
    { totalBytes: 5_000_000, totalEntries: 12 },
    { bytes: 49_152_000 },
  ]);
  assert.equal(reply.messages.length, 1);
  assert.equal([...reply.facts].length, 0);
});

test("a flood of messages is kept within bounds, and pushes out neither a failure nor the sum", async () => {
  const lines = [
    ...Array.from({ length: 5000 }, (_, i) => `tar: ./${i}: file changed as we read it`),
    ...Array.from({ length: 5000 }, (_, i) => `tar: ./${i}: Cannot open: Permission denied`),
    "Total bytes written: 10240 (10KiB, 1MiB/s)",
    `${MARK} end 2`,
  ];
  const stderr = Readable.from([`${lines.join("\n")}\n`]);
  const reply = await new ReplyReader(stderr, MARK).expect().reply;
  assert.deepEqual(
    reply.groups.map(({ what, count, files }) => [what.split(":")[0], count, files[0]]),
    [
      ["file changed as we read it", 5000, "0"],
      ["Cannot open", 5000, "0"],
      ["Total bytes written", 1, undefined],
    ],
  );
  assert.equal(reply.messages.length, 2001);
  assert.ok(reply.messages.includes("tar: ./0: Cannot open: Permission denied"));
  assert.match(reply.messages.at(-1) ?? "", /^Total bytes/);
});

test("a helper that ends gives the last message for a reason, and no statistic of tar's", async () => {
  const statistics = "Total bytes read: 314695680 (301MiB, 502MiB/s)\ntar: Write checkpoint 400\n";
  for (const [said, reason] of [
    [statistics, ""],
    [`sh: tar: not found\n${statistics}`, ": sh: tar: not found"],
  ] as const) {
    const { reply } = new ReplyReader(Readable.from([said]), MARK).expect();
    await assert.rejects(reply, { message: `the helper container ended unexpectedly${reason}` });
  }
});

test("a line ends at its line end alone", async () => {
  const kept = "since\u2028then\u2029\u0085\rnow";
  const stderr = Readable.from([
    Buffer.from(`${MARK} kept ${kept}\nsaid\u2028so\n${MARK} end 0\n`),
  ]);
  const reply = await new ReplyReader(stderr, MARK).expect().reply;
  assert.deepEqual([...reply.facts], [["kept", kept]]);
  assert.deepEqual(reply.messages, ["said\u2028so"]);
});

test("where the way to the engine is cut, that is what ends the calls", async () => {
  const cut = new DockformError("ssh.broken", "the ssh connection broke");
  const stderr = new Readable({ read() {} });
  const call = new ReplyReader(stderr, MARK).expect();
  stderr.destroy(cut);
  await assert.rejects(call.reply, cut);
});
