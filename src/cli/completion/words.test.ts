import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { complete, splitLine, type CommandShape } from "./words.ts";

const none = { description: "", options: [], arguments: [], variadic: false, commands: [] };
const force = { flags: ["--force"], description: "by force", takesValue: false, choices: [] };
const format = { flags: ["--format"], description: "", takesValue: true, choices: ["tar", "zst"] };
const context = { flags: ["--context"], description: "", takesValue: true, choices: [] };
const verbose = { flags: ["-v", "--verbose"], description: "more", takesValue: false, choices: [] };
const ROOT: CommandShape = {
  ...none,
  name: "dockform",
  options: [context, verbose],
  commands: [
    { ...none, name: "plan" },
    {
      ...none,
      name: "volume",
      commands: [
        { ...none, name: "restore", options: [force], arguments: ["volume", "snapshot"] },
        {
          ...none,
          name: "snapshot",
          options: [format],
          arguments: ["[context/]volume"],
          variadic: true,
        },
      ],
    },
  ],
};

function values(line: string): readonly string[] {
  return complete(ROOT, splitLine(line)).candidates.map(({ value }) => value);
}

function question(line: string): unknown {
  return complete(ROOT, splitLine(line)).question;
}

test("a line is split as a shell does it, and the last word is the one being typed", () => {
  assert.deepEqual(splitLine("dockform vol"), ["dockform", "vol"]);
  assert.deepEqual(splitLine("dockform  volume "), ["dockform", "volume", ""]);
  assert.deepEqual(splitLine(String.raw`a "b c" d\ e 'f\' "g`), ["a", "b c", "d e", "f\\", "g"]);
  assert.deepEqual(splitLine(""), [""]);
});

test("any line can be split and completed", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (line) => {
      assert.ok(splitLine(line).length > 0);
      complete(ROOT, splitLine(`dockform ${line}`));
    }),
  );
});

test("commands, then their options with those of all commands", () => {
  assert.deepEqual(values("dockform "), ["plan", "volume"]);
  assert.deepEqual(values("dockform -v volume "), ["restore", "snapshot"]);
  assert.deepEqual(values("dockform volume restore -"), ["--force", "--context", "--verbose"]);
  assert.deepEqual(values("dockform plan "), []);
});

test("an option's value, and what is none", () => {
  assert.deepEqual(values("dockform volume snapshot --format "), ["tar", "zst"]);
  assert.deepEqual(question("dockform --context "), { argument: "context", before: [] });
  assert.deepEqual(question("dockform --context plan volume restore "), {
    argument: "volume",
    before: [],
  });
});

test("arguments, the last one again and again where it may be", () => {
  assert.deepEqual(question("dockform volume restore --force a "), {
    argument: "snapshot",
    before: ["a"],
  });
  assert.equal(question("dockform volume restore a b "), undefined);
  assert.deepEqual(question("dockform volume snapshot a b "), {
    argument: "[context/]volume",
    before: ["a", "b"],
  });
});
