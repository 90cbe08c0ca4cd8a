import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Advice, PlainAdviceCode, SnapshotAdviceCode, VolumeAdviceCode } from "../advice.ts";
import { allCommands, optionsOf } from "../../test/fakes/commands.ts";
import {
  adviceLines,
  adviceText,
  ALLOWING_FLAGS,
  IN_PLACE,
  PLAIN,
  RECOVER,
  WITH_SNAPSHOT,
  WITH_VOLUME,
} from "./advice.ts";
import { Call } from "./call.ts";

const SOURCE = join(import.meta.dirname, "..");
/** The rest speaks to every face: commands and flags are this one's. */
const CORE = globSync("**/*.ts", {
  cwd: SOURCE,
  exclude: ["cli/**", "error-codes/**", "**/*.test.ts"],
});

const COMMENT = /^\s*(?:\/\/|\/?\*)/;
/**
 * Commands of other programs in a message, with their options, options of tar that messages put in by name, and a note
 * that rules of retention may match.
 */
const OTHER_PROGRAMS =
  /\b(?:docker|tar|zstd|setfattr|apk)\b[^`]*|--(?:acls|xattrs|numeric-owner|decompress|stdout|memlimit|rm)\b|"--restore=-"|note: "before apply --prune"/g;
const OURS =
  /(?<![\w-])--[a-z]|\bdockform (?:volume|snapshot|init|plan|apply|destroy|doctor|validate)\b|[ `]-o[ .`]/;

test("nothing but this face names a command of ours or a flag", () => {
  assert.ok(CORE.length > 100, String(CORE.length));
  const found = CORE.flatMap((file) =>
    readFileSync(join(SOURCE, file), "utf8")
      .split("\n")
      .filter((line) => !COMMENT.test(line) && OURS.test(line.replaceAll(OTHER_PROGRAMS, "")))
      .map((line) => `${file}: ${line.trim()}`),
  );
  assert.deepEqual(found, []);
});

/** A call with these words, of the command that they begin with. */
function callOf(...argv: readonly string[]): Call {
  const found = allCommands().find(({ words }) => `${argv.join(" ")} `.startsWith(`${words} `));
  return new Call(argv, found?.command);
}

test("advice follows the hint, in the words of this face", () => {
  const advice = [{ code: "recover", volume: "data", when: "stopped" }] as const;
  assert.equal(
    adviceText({ hint: "Nothing was touched.", advice }, callOf("volume", "restore")),
    "Nothing was touched. Run `dockform volume recover data`.",
  );
  assert.equal(
    adviceText({ advice }, callOf("volume", "restore")),
    "Run `dockform volume recover data`.",
  );
  assert.equal(adviceText({ hint: "Wait.", advice: [] }, callOf("volume", "restore")), "Wait.");
  assert.equal(adviceText({ advice: [] }, callOf("volume", "restore")), undefined);
});

test("advice that adds something to a command repeats it as it was typed", () => {
  const ways = [
    { kind: "folder", folder: "a b" },
    { kind: "strip", folder: "a b", components: 2 },
    { kind: "as it is" },
  ] as const;
  const advice = [
    { code: "create-from-snapshot", when: "missing" },
    { code: "choose-root", volume: "data", ways },
  ] as const;
  assert.equal(
    adviceText({ advice }, callOf("volume", "restore", "x")),
    `It does not exist. To create it as the snapshot says and restore into it: dockform volume restore x --create Say what is to be the root of volume "data":
    What is in a b: dockform volume restore x --from 'a b'
    What is in a b: dockform volume restore x --strip-components 2
    Everything as it is: dockform volume restore x --strip-components 0`,
  );
});

test("a snapshot's path is quoted in the commands that name it", () => {
  const advice = [
    { code: "go-back", volume: "data", declared: false, archivePath: "/a b.tar" },
  ] as const;
  assert.equal(
    adviceText({ advice }, callOf("volume", "restore")),
    "To go back: dockform volume restore data '/a b.tar' --force --stop-containers --undeclared",
  );
});

test("what has to be allowed is added to the command, each flag once", () => {
  const allow = [
    { what: "replace contents" },
    { what: "stop containers" },
    { what: "replace contents" },
    { what: "undeclared volume" },
    { what: "other origin", volume: "other" },
    { what: "discard kept contents" },
  ] as const;
  assert.equal(
    adviceText({ advice: [{ code: "go-on", allow }] }, callOf("volume", "restore", "data", "x")),
    "To continue: dockform volume restore data x --force --stop-containers --undeclared --from-volume other --discard-kept",
  );
});

test("the way back has the flags that it takes", () => {
  const volumes = [
    { volume: "a", declared: true },
    { volume: "b", declared: false },
  ];
  assert.match(
    adviceText({ advice: [{ code: "undo-to-new", volumes }] }, callOf("volume", "restore")) ?? "",
    /`dockform volume undo a --stop-containers`, `dockform volume undo b --stop-containers --undeclared`/,
  );
});

const DECLARED = { volume: "data", declared: false } as const;
const WHOLE = { ...DECLARED, archivePath: "/a.tar" } as const;

const keysOf = <Key extends string>(record: Readonly<Record<Key, unknown>>): readonly Key[] =>
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- of a table that names all
  Object.keys(record) as Key[];

/** Those that have more to say than a volume or a snapshot. */
const RICH: { readonly [Code in RichCode]: readonly Extract<Advice, { code: Code }>[] } = {
  recover: keysOf(RECOVER).map((when) => ({ code: "recover", volume: "data", when })),
  "go-on": keysOf(ALLOWING_FLAGS)
    .map((what): Extract<Advice, { code: "go-on" }> => ({ code: "go-on", allow: [{ what }] }))
    .concat([{ code: "go-on", allow: [{ what: "other origin", volume: "other" }] }]),
  "create-from-snapshot": [
    { code: "create-from-snapshot", when: "missing" },
    { code: "create-from-snapshot", when: "otherwise" },
  ],
  "undo-to-new": [{ code: "undo-to-new", volumes: [DECLARED] }],
  "undo-to-old": [{ code: "undo-to-old", ...DECLARED }],
  "choose-context": [{ code: "choose-context", contexts: ["a", "b"] }],
  "choose-snapshot": [{ code: "choose-snapshot", names: ["2026"] }],
  "restore-without": [{ code: "restore-without", aspects: ["owners"] }],
  "restore-in-place": keysOf(IN_PLACE).map((why) => ({ code: "restore-in-place", why })),
  "choose-origin": [{ code: "choose-origin", origin: "other", volume: "data" }],
  "choose-root": [
    {
      code: "choose-root",
      volume: "data",
      ways: [{ kind: "folder", folder: "a" }, { kind: "as it is" }],
    },
    { code: "choose-root", volume: "data", ways: [{ kind: "strip", folder: "a", components: 1 }] },
  ],
};

type RichCode = Exclude<Advice["code"], PlainAdviceCode | VolumeAdviceCode | SnapshotAdviceCode>;

const ADVICE: readonly Advice[] = [
  ...keysOf(PLAIN).map((code) => ({ code })),
  ...keysOf(WITH_VOLUME).map((code) => ({ code, volume: "data" })),
  ...keysOf(WITH_SNAPSHOT).map((code) => ({ code, ...WHOLE })),
  ...Object.values(RICH).flat(),
];

/** Options in a text, by the command that they are said to be of: `""` for the one at hand. */
function optionsIn(text: string, line: string): readonly (readonly [string, string])[] {
  const [own = "", ...others] = text
    .replaceAll(line, "")
    .split(/(?=\bdockform [a-z])/)
    .flatMap((part) => part.split("`"));
  return [own, ...others].flatMap((part) => {
    const command = /^dockform ((?:volume|snapshot) [a-z]+|[a-z]+)/.exec(part)?.[1] ?? "";
    const flags = [...part.matchAll(/(?<![\w-])(?:--[a-z-]+|-[a-z](?![\w-]))/g)];
    return flags.map(([flag]) => [command, flag] as const);
  });
}

const COMMANDS = new Map(allCommands().map(({ words, command }) => [words, optionsOf(command)]));

test("advice names options that the command at hand has, and of others those that they have", () => {
  const unsaid = new Set(ADVICE);
  for (const [words, own] of COMMANDS) {
    const call = callOf(...words.split(" "), "data");
    for (const advice of ADVICE) {
      const lines = adviceLines({ advice: [advice] }, call);
      if (lines.length > 0) unsaid.delete(advice);
      for (const [command, flag] of lines.flatMap((line) => optionsIn(line, call.line))) {
        const flags = command === "" ? own : COMMANDS.get(command);
        assert.ok(flags?.has(flag), `${words}: ${lines.join(" ")} (${command} ${flag})`);
      }
    }
  }
  // One that no command can follow is wrong in itself.
  assert.deepEqual([...unsaid], []);
});

test("a command in advice works on the same volumes and snapshots when it is pasted", () => {
  const [{ command } = assert.fail()] = allCommands().filter(
    ({ words }) => words === "volume restore",
  );
  const call = new Call(["volume", "restore", "data", "latest"], command, {
    manifest: "a b",
    context: "other",
  });
  call.store = "/srv";
  const said = (advice: Advice): string => adviceText({ advice: [advice] }, call) ?? "";
  assert.equal(
    said({ code: "take-first-snapshot", volume: "data" }),
    "Take one with `dockform volume snapshot data --manifest 'a b' --context other --store /srv`. `dockform snapshot list --manifest 'a b' --context other --store /srv` shows what there is.",
  );
  assert.match(
    said({ code: "go-back", ...WHOLE }),
    / --undeclared --manifest 'a b' --context other --store \/srv$/,
  );
  assert.match(
    said({ code: "undo-to-old", ...DECLARED }),
    / --undeclared --manifest 'a b' --context other`/,
  );
  assert.match(said({ code: "write-manifest" }), /`dockform init` to write one/);
  // What was typed has them already.
  assert.equal(
    said({ code: "go-on", allow: [{ what: "replace contents" }] }),
    "To continue: dockform volume restore data latest --force",
  );
});
