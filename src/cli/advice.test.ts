import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { adviceText } from "./advice.ts";

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

test("advice follows the hint, in the words of this face", () => {
  const advice = [{ code: "recover", volume: "data", when: "stopped" }] as const;
  assert.equal(
    adviceText({ hint: "Nothing was touched.", advice }, ""),
    "Nothing was touched. Run `dockform volume recover data`.",
  );
  assert.equal(adviceText({ advice }, ""), "Run `dockform volume recover data`.");
  assert.equal(adviceText({ hint: "Wait.", advice: [] }, ""), "Wait.");
  assert.equal(adviceText({ advice: [] }, ""), undefined);
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
    adviceText({ advice }, "dockform x"),
    `If it does not exist, create it as the snapshot says and restore into it: dockform x --create Say what is to be the root of volume "data":
    What is in a b: dockform x --from 'a b'
    What is in a b: dockform x --strip-components 2
    Everything as it is: dockform x --strip-components 0`,
  );
});

test("a snapshot's path is quoted in the commands that name it", () => {
  const advice = [
    { code: "go-back", volume: "data", declared: false, archivePath: "/a b.tar" },
  ] as const;
  assert.equal(
    adviceText({ advice }, ""),
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
    adviceText({ advice: [{ code: "go-on", allow }] }, "dockform volume restore data x"),
    "To go on: dockform volume restore data x --force --stop-containers --undeclared --from-volume other --discard-kept",
  );
});

test("the way back has the flags that it takes", () => {
  const volumes = [
    { volume: "a", declared: true },
    { volume: "b", declared: false },
  ];
  assert.match(
    adviceText({ advice: [{ code: "undo-to-new", volumes }] }, "") ?? "",
    /`dockform volume undo a --stop-containers`, `dockform volume undo b --stop-containers --undeclared`/,
  );
});
