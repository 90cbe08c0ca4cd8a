import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeAgent, type FakeAnswer } from "../../test/fakes/agent.ts";
import { archivedReply, tarOf } from "../../test/fakes/archived.ts";
import { fakeTools } from "../../test/fakes/surroundings.ts";
import { readAll } from "../../test/fixtures/tar-streams.ts";
import { DockformError } from "../errors.ts";
import { VolumeVerbs } from "../helper/verbs.ts";
import type { TarEntry } from "../tar/entries.ts";
import { entriesThrough } from "./entries.ts";

const remarks: string[] = [];

function entries(answer: FakeAnswer, tools = fakeTools()): AsyncGenerator<TarEntry> {
  remarks.length = 0;
  const agent = new FakeAgent(() => answer);
  const source = {
    volume: "data",
    title: "Reading data",
    cannotRead: (failure: string) => new DockformError("volume.unreadable", failure),
    onRemark: (remark: string) => void remarks.push(remark),
  };
  return entriesThrough(new VolumeVerbs(agent), source, tools);
}

async function pathsOf(answer: FakeAnswer): Promise<readonly string[]> {
  return (await readAll(entries(answer))).map(({ path }) => path);
}

test("entries come as the helper makes them, its remarks at the end", async () => {
  const tar = await tarOf({ a: "content", b: "x".repeat(5000) });
  const answer = archivedReply(tar, { tar_status: "1" }, ["./b: file changed as we read it"]);
  const read = await readAll(entries(answer));
  assert.deepEqual(
    read.map(({ path, content }) => [path, content.length]),
    [
      ["./", 0],
      ["./a", 7],
      ["./b", 5000],
    ],
  );
  assert.equal(remarks.length, 1);
  assert.match(remarks[0] ?? "", /file changed as we read it/);
});

test("a failure of tar's is thrown although its stream was whole", async () => {
  const answer = archivedReply(await tarOf({ a: "content" }), { tar_status: "2" }, [
    "tar: ./x: Cannot open: Permission denied",
  ]);
  await assert.rejects(pathsOf(answer), {
    code: "volume.unreadable",
    message: /Cannot open: Permission denied/,
  });
});

test("why a stream ended says more than that it did", async () => {
  const tar = (await tarOf({ a: "x".repeat(5000) })).subarray(0, 2048);
  const answer = archivedReply(tar, { tar_status: "2" }, [
    "tar: ./a: Read error: Input/output error",
  ]);
  await assert.rejects(pathsOf(answer), { code: "volume.unreadable", message: /Read error/ });
});

test("a stream that makes no sense is not waited for", async () => {
  const tar = Buffer.concat([await tarOf({ a: "content" }), Buffer.alloc(100_000, "x")]);
  tar.fill("x", 512, 1024);
  await assert.rejects(pathsOf(archivedReply(tar)), { kind: "integrity" });
});

test("a helper that goes on sending what makes no sense is not waited for", async () => {
  const tar = Buffer.concat([await tarOf({ a: "content" }), Buffer.alloc(512, "x")]);
  tar.fill("x", 512, 1024);
  await assert.rejects(pathsOf({ ...archivedReply(tar), isEndless: true }), { kind: "integrity" });
});

test("a stream that is damaged although the helper found nothing is an error of its own", async () => {
  const tar = (await tarOf({ a: "x".repeat(5000) })).subarray(0, 2048);
  await assert.rejects(pathsOf(archivedReply(tar)), { kind: "integrity" });
});

test("where an operation was interrupted nothing is read", async () => {
  const answer = { facts: { "unfinished_.dockform-0123456789ab": "new" }, status: 1 };
  await assert.rejects(pathsOf(answer), { kind: "refused", message: /interrupted/ });
});

test("who wants no more entries is not made to wait", async () => {
  const tar = await tarOf(Object.fromEntries([...Array(50).keys()].map((i) => [`f${i}`, "x"])));
  for await (const { path } of entries(archivedReply(tar))) if (path === "./f1") break;
  assert.deepEqual(remarks, []);
});

test("an interruption is thrown as it is", async () => {
  const controller = new AbortController();
  const tools = fakeTools("somebody", controller.signal);
  const tar = await tarOf(Object.fromEntries([...Array(50).keys()].map((i) => [`f${i}`, "x"])));
  const read = async (): Promise<void> => {
    for await (const { path } of entries(archivedReply(tar), tools)) {
      if (path === "./f1") controller.abort(new Error("enough"));
    }
  };
  await assert.rejects(read, /enough/);
});
