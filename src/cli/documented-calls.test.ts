import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { allCommands, optionsOf } from "../../test/fakes/commands.ts";

const ROOT = join(import.meta.dirname, "../..");
const TEXTS = ["README.md", "docs/*.md", "src/error-codes/*.ts", "src/cli/**/*.ts"];
/** In backquotes or after a prompt, up to the next command of the line; with the program's name or without. */
const CALL = /(?:`|\$ )(?:dockform )?((?:volume|snapshot) [a-z]+|[a-z]+)( [^`\n&;|]*)?/g;
const OPTION = /(?<![\w-])(?:--[a-z][a-z-]*[a-z]|-[a-z])(?![\w-])/g;

test("calls in the documents and in messages name options that their commands have", () => {
  const commands = new Map(allCommands().map(({ words, command }) => [words, optionsOf(command)]));
  const seen: string[] = [];
  const wrong = globSync(TEXTS, { cwd: ROOT })
    .filter((file) => !file.endsWith(".test.ts"))
    .flatMap((file) =>
      [...readFileSync(join(ROOT, file), "utf8").matchAll(CALL)].flatMap(
        ([, words = "", rest = ""]) => {
          const options = commands.get(words);
          if (options === undefined) return [];
          seen.push(words);
          const named = [...rest.matchAll(OPTION)].map(([option]) => option);
          const unknown = named.filter((option) => option !== "--help" && !options.has(option));
          return unknown.map((option) => `${file}: ${words} ${option}`);
        },
      ),
    );
  assert.ok(seen.length > 50, String(seen.length));
  assert.deepEqual(wrong, []);
});
