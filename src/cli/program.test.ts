import assert from "node:assert/strict";
import { Readable, Writable } from "node:stream";
import { test } from "node:test";
import { FakeClient } from "../../test/fakes/client.ts";
import { quietInterruption } from "../../test/fakes/console.ts";
import { FakeEngine } from "../../test/fakes/engine.ts";
import type { CliIo } from "./io.ts";
import { runProgram } from "./program.ts";

const noEngine: CliIo["loadConnect"] = () => Promise.reject(new Error("no engine is needed"));

/**
 * What a command that needs no engine prints.
 *
 * @param terminal where it prints to one.
 */
async function outcome(
  words: readonly string[],
  loadConnect = noEngine,
  terminal: { readonly isTTY?: true; readonly columns?: number } = {},
): Promise<{ readonly code: number; readonly text: string }> {
  let text = "";
  const sink = new Writable({
    write(chunk, _encoding, done) {
      text += String(chunk);
      done();
    },
  });
  const stream = Object.assign(sink, terminal);
  const io = {
    stdin: Readable.from([]),
    stdout: stream,
    stderr: stream,
    env: {},
    cwd: "/",
    homeFolder: "/",
    client: "somebody@here",
    runsHere: () => false,
    temporaryFolder: "/tmp",
    platform: "linux",
    machine: "x86_64",
    nodeVersion: "24.0.0",
    loadConnect,
    userId: 0,
    now: () => new Date(0),
    interruption: quietInterruption(),
  } as const;
  const code = await runProgram(words, io);
  return { code, text };
}

/** What `--help` prints for a command. */
async function help(words: readonly string[]): Promise<string> {
  const { code, text } = await outcome([...words, "--help"]);
  assert.equal(code, 0, words.join(" "));
  return text;
}

/** Every command that does something, by its words; told by the help of those above it. */
async function commands(words: readonly string[] = []): Promise<readonly (readonly string[])[]> {
  const [, list] = /^Commands:\n((?: .*\n)+)/m.exec(await help(words)) ?? [];
  if (list === undefined) return [words];
  const names = [...list.matchAll(/^ {2}([a-z_]+)/gm)].map(([, name = ""]) => name);
  const below = await Promise.all(
    names.filter((name) => name !== "help").map((name) => commands([...words, name])),
  );
  return below.flat();
}

test("several volumes in JSON are all told of, also those that failed", async () => {
  const words = ["volume", "snapshot", "one", "two", "--json"];
  const { code, text } = await outcome(words, () =>
    Promise.resolve(() => new FakeClient(new FakeEngine())),
  );
  assert.equal(code, 1, text);
  const { snapshots, failures }: Record<string, readonly { readonly volume: string }[]> =
    JSON.parse(text.slice(text.indexOf("{\n"), text.indexOf("\n}\n") + 2));
  assert.deepEqual(snapshots, []);
  assert.deepEqual(
    failures?.map(({ volume }) => volume),
    ["one", "two"],
  );
});

test("the help of every command says what it does and how it is called", async () => {
  const all = await commands();
  assert.ok(all.length >= 20, all.map((words) => words.join(" ")).join(", "));
  for (const words of all) {
    const text = await help(words);
    const name = words.join(" ");
    assert.match(text, new RegExp(`^Usage: dockform ${name}(\\|\\w+)? .*\\n\\n\\w.*`), name);
    assert.match(
      text,
      new RegExp(`\\n(Examples|To load it):\\n(.*\\n)*? .*dockform ${name}`),
      name,
    );
    for (const line of text.split("\n")) assert.ok(line.length <= 200, line);
  }
});

test("no line of a command's help is longer than a terminal is wide", async () => {
  for (const words of await commands()) {
    const { text } = await outcome([...words, "--help"], noEngine, { isTTY: true, columns: 80 });
    const long = text.split("\n").filter((line) => line.length > 80);
    assert.deepEqual(long, [], words.join(" "));
  }
});

test("the examples of a command's help are calls that it takes", async () => {
  for (const words of await commands()) {
    const text = await help(words);
    const [, examples = ""] = /\nExamples:\n((?: .*\n)+)/.exec(text) ?? [];
    for (const option of examples.match(/(?<= )--[a-z-]+/g) ?? []) {
      const known = `${text.slice(0, text.indexOf("\nExamples"))}${await help([])}`;
      assert.ok(known.includes(option), `${words.join(" ")}: ${option}`);
    }
  }
});

test("a folder, a manifest or a context that is empty is not taken for the one that is there", async () => {
  for (const words of [
    ["volume", "snapshot", "data", "-o", ""],
    ["snapshot", "list", "--store", ""],
    ["snapshot", "extract", "data", ".", "--output", " "],
    ["snapshot", "status", "--manifest", ""],
    ["--config", "", "plan"],
    ["--context", "", "plan"],
    ["--log-file", "", "plan"],
  ]) {
    const { code, text } = await outcome(words);
    assert.equal(code, 2, text);
    assert.match(text, /It is empty: is a variable not set\?/, words.join(" "));
  }
});

test("a path that is empty is not taken for all of an archive", async () => {
  for (const option of ["--from", "--path"]) {
    const { code, text } = await outcome(["volume", "restore", "data", "latest", option, ""]);
    assert.equal(code, 2, text);
    assert.match(text, new RegExp(`${option} .*Expected a path inside the archive`));
  }
});

const MEANT: readonly (readonly [typed: string, meant: string])[] = [
  ["restore data latest --force", "`dockform volume restore`"],
  ["restor data", "`dockform volume restore`"],
  ["backup", "`dockform volume snapshot`"],
  ["snapshot create data", "`dockform volume snapshot`"],
  ["snapshot restore data", "`dockform volume restore`"],
  ["volume prune", ""],
  ["ls", "`dockform volume list` or `dockform snapshot list`"],
  ["list", "`dockform volume list` or `dockform snapshot list`"],
  ["undo data", "`dockform volume undo`"],
  ["recover data", "`dockform volume recover`"],
  ["prune", "`dockform snapshot prune`"],
  ["prunes", ""],
  ["destory", ""],
  ["restroe data", "`dockform volume restore`"],
  ["snapshot destroy", ""],
  ["snapshot remov", ""],
  ["volume destroy", ""],
  ["aply", "`dockform apply`"],
  ["snapshots", "`dockform snapshot`"],
  ["volume snpshot", "`dockform volume snapshot`"],
];

test("an unknown command is answered with the one that may be meant, which destroys nothing", async () => {
  for (const [typed, meant] of MEANT) {
    const { code, text } = await outcome(typed.split(" "));
    assert.equal(code, 2, text);
    const [, suggested = ""] = /\nDid you mean (.*)\?/.exec(text) ?? [];
    assert.equal(suggested, meant, typed);
  }
});
