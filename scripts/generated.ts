import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dirname, "..");

/**
 * Writes a file that is made of the code, in the form that the formatter gives it. With `--check` on the command line
 * it writes nothing, and the process ends with 1 when the file is stale.
 *
 * @param path from the project's folder; its ending says what it is.
 */
export function writeOrCheck(path: string, content: string): void {
  const oxfmt = join(ROOT, "node_modules/.bin/oxfmt");
  const text = execFileSync(oxfmt, [`--stdin-filepath=${path}`], { input: content, cwd: ROOT });
  const file = join(ROOT, path);
  if (!process.argv.includes("--check")) {
    writeFileSync(file, text);
  } else if (!readFileSync(file).equals(text)) {
    console.error(`${path} is stale; run the same without --check to write it.`);
    process.exitCode = 1;
  }
}
