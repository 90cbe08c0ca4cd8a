import assert from "node:assert/strict";
import { test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { COMMANDS, PlaceWithText } from "../../test/fakes/place-with-text.ts";
import { textWidth } from "./output/width.ts";

/** A text as people write them, with what is wide; it is the name of everything that may have one. */
const TEXT =
  "paperless-production-document-archive 文書の前に (before the upgrade to 3.0) and after a while";

/** Whether a line has nothing that it could be broken at: a word, or what a difference is of. */
function isUnbreakable(line: string): boolean {
  return /^\s*(?:[+~-] )?(?:'[^']*'|\S)+(?: \\)?$/.test(line);
}

for (const columns of [80, 60, 200]) {
  test(`no command prints a line of more than ${columns} columns on such a terminal`, async () => {
    await using place = await PlaceWithText.build(TEXT);
    const tooLong: string[] = [];
    for (const words of COMMANDS.filter(([word]) => word !== "__complete")) {
      const { stdout, stderr } = await place.run(words, { columns });
      for (const line of stripVTControlCharacters(stdout + stderr).split(/[\r\n]+/)) {
        if (textWidth(line) > columns && !isUnbreakable(line))
          tooLong.push(`${words.join(" ")}: ${line}`);
      }
    }
    assert.deepEqual(tooLong, []);
  });
}
