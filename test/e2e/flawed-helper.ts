import assert from "node:assert/strict";
import { cp, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { joinedScript } from "../../src/helper/script/join.ts";

const SOURCES = new URL("../../src", import.meta.url).pathname;

/** A flaw: the helper finds beforehand nothing that it could not rename in a swap. */
export const UNSUSPECTING = `renaming() { [ "$1" = probe ] || perl -e "$rename_program" "$@"; }`;

/** A flaw: the helper does something to what it has extracted before that counts. */
export function beforeFlush(command: string): string {
  return `sync() {
	if [ "$*" = "-f $staging" ]; then
		${command}
	fi
	command sync "$@"
}`;
}

/**
 * Copies the program into a folder, with a helper that does something wrong; returns its main file.
 *
 * @param flaw what the script takes in place of its own: variables, and functions by the names of its own ones or of
 * tools, where `command tar` is the real one.
 */
export async function flawedProgram(folder: string, flaw: string): Promise<string> {
  await cp(SOURCES, join(folder, "src"), { recursive: true });
  for (const beside of ["node_modules", "package.json"]) {
    await symlink(join(SOURCES, "..", beside), join(folder, beside));
  }
  const script = joinedScript();
  for (const [, name = ""] of flaw.matchAll(/^(\w+)(?:\(\) |=)/gm)) {
    assert.match(script, new RegExp(`\\b${name}\\b`), `the helper has no ${name}`);
  }
  const last = join(folder, "src/helper/script/verbs.sh");
  await writeFile(last, `${flaw}\n${await readFile(last, "utf8")}`);
  return join(folder, "src/main.ts");
}
