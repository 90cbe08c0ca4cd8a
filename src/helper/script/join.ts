import { readFileSync } from "node:fs";
import { shellWord } from "../../format.ts";

/** The files beside this one, in this order: settings and functions first, and what calls them last. */
const PARTS: readonly string[] = [
  "settings.sh",
  "serve.sh",
  "archive.sh",
  "fingerprint.sh",
  "stream.sh",
  "inspect.sh",
  "staging.sh",
  "extract.sh",
  "paths.sh",
  "swap.sh",
  "clear.sh",
  "recover.sh",
  "sides.sh",
  "conclude.sh",
  "entries.sh",
  "metadata.sh",
  "verbs.sh",
];

/** `'@one.pl two.pl@'`: a program of perl, in these files. */
const PROGRAM = /'@([a-z. -]+)@'/g;

/** The script in one piece, with the programs of perl that it names. The published program has it as helper.sh. */
export function joinedScript(): string {
  return joined(PARTS).replace(PROGRAM, (_, names: string) => shellWord(joined(names.split(" "))));
}

function joined(names: readonly string[]): string {
  return names
    .map((name) => readFileSync(new URL(`./${name}`, import.meta.url), "utf8"))
    .join("\n");
}
