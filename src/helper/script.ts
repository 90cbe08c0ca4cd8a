import { readFileSync } from "node:fs";
import { shellWord } from "../format.ts";

const PROGRAM = /'@([a-z-]+\.pl)@'/g;

/**
 * What the helper's container runs: helper.sh with the programs of perl that it names, each from its file, since
 * all of it travels as one argument. Linux allows 131,072 bytes for one.
 */
export function helperScript(): string {
  return readBeside("helper.sh").replace(PROGRAM, (_, name: string) => shellWord(readBeside(name)));
}

function readBeside(name: string): string {
  return readFileSync(new URL(`./${name}`, import.meta.url), "utf8");
}
