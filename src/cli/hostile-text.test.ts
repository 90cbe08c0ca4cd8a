import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import type { FakeConsole } from "../../test/fakes/console.ts";
import { COMMANDS, PlaceWithText } from "../../test/fakes/place-with-text.ts";
import { EngineApiError } from "../engine/client.ts";

/** Begins a line, where a line end got through. */
const FORGED = "FORGED";
const UNITS = [
  "a",
  " ",
  "\\",
  "\t",
  "\r",
  "\b",
  "\u001B[2J",
  "\u001B[7m",
  "\u001B]0;title\u0007",
  "\u007F",
  "\u0085",
  "\u009B5m",
  "\u061C",
  "\u200F",
  "\u202E",
  "\u2028",
  "\u2029",
  "\u2066",
  "\u2069",
];
/** Everything at once, or some of it; always with a line end. */
const hostileText = fc
  .oneof(
    { weight: 1, arbitrary: fc.constant(UNITS) },
    { weight: 3, arbitrary: fc.array(fc.constantFrom(...UNITS), { maxLength: 8 }) },
  )
  .map((units) => `x\n${FORGED}${units.join("")}y`);

/** Colours and what moves the cursor as this program writes it. */
// oxlint-disable-next-line no-control-regex
const OURS = /\u001B\[(?:1|2|22|31|32|33|39)m|\r\u001B\[2K(?:\u001B\[1A\u001B\[2K)*/g;
const RAW = /(?!\n)[\p{Cc}\u061C\u200E\u200F\u2028-\u202E\u2066-\u206F]/u;

function assertHarmless(words: readonly string[], printed: string): void {
  const rest = printed.replaceAll(OURS, "");
  const found = RAW.exec(words[0] === "__complete" ? rest.replaceAll("\t", "") : rest);
  const where = `${words.join(" ")}: ${JSON.stringify(rest)}`;
  assert.equal(found, null, where);
  assert.doesNotMatch(rest, new RegExp(`^\\s*${FORGED}`, "m"), where);
}

/** Runs every command on a new place. */
async function assertAllHarmless(
  text: string,
  options: readonly string[],
  prepare?: FakeConsole["prepare"],
): Promise<ReadonlySet<string>> {
  await using place = await PlaceWithText.build(text);
  const saying = new Set<string>();
  const logFile = join(place.folder, "log.json");
  for (const words of COMMANDS) {
    const { stdout, stderr } = await place.run(
      ["--log-file", logFile, ...options, ...words],
      prepare === undefined ? {} : { prepare },
    );
    for (const printed of [stdout, stderr]) assertHarmless(words, printed);
    if (options.includes("--json") && words[0] !== "__complete") JSON.parse(stdout);
    if (`${stdout}${stderr}`.includes(FORGED)) saying.add(words.slice(0, 2).join(" "));
  }
  assertHarmless(["log file"], await readFile(logFile, "utf8"));
  return saying;
}

const RUNS = { numRuns: 3, endOnFailure: true };

test("whatever comes from elsewhere, no command prints it raw", async () => {
  const options = ["--verbose"];
  const said = new Set<string>();
  await fc.assert(
    fc.asyncProperty(hostileText, async (text) => {
      for (const each of await assertAllHarmless(text, options)) said.add(each);
    }),
    { ...RUNS, examples: [[`x\n${FORGED}${UNITS.join("")}y`]] },
  );
  // Else the texts were not where commands find them.
  assert.deepEqual(
    ["plan", "doctor", "volume list", "volume recover", "volume undo", "volume restore"]
      .concat(["volume snapshot", "apply --skip-confirmation", "destroy --skip-confirmation"])
      .concat(
        ["list", "show", "files", "diff", "verify", "prune", "remove"].map((x) => `snapshot ${x}`),
      )
      .filter((each) => !said.has(each)),
    [],
  );
});

test("nor as JSON, nor in a log of JSON", async () => {
  await fc.assert(
    fc.asyncProperty(hostileText, async (text) => {
      await assertAllHarmless(text, ["--json", "--verbose", "--log-format", "json"]);
    }),
    RUNS,
  );
});

test("nor what an engine fails with", async () => {
  await fc.assert(
    fc.asyncProperty(hostileText, fc.boolean(), async (text, isJson) => {
      await assertAllHarmless(text, [...(isJson ? ["--json"] : []), "--verbose"], (client) => {
        client.gate = (_call, moment) => {
          if (moment === "asking") throw new EngineApiError(500, text);
        };
      });
    }),
    RUNS,
  );
});
