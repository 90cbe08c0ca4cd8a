import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, normalize } from "node:path";

const ROOT = join(import.meta.dirname, "..");

/**
 * The type declarations that src/index.ts needs, and none of those that only its code needs: path from `src` (as
 * `library/api.d.ts`) -> text.
 */
export function libraryDeclarations(): ReadonlyMap<string, string> {
  const folder = mkdtempSync(join(tmpdir(), "dockform-types-"));
  try {
    const tsc = join(ROOT, "node_modules/.bin/tsc");
    execFileSync(tsc, ["-p", "tsconfig.types.json", "--outDir", folder], { cwd: ROOT });
    return reachable(folder, "index.d.ts", new Map());
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function reachable(
  folder: string,
  path: string,
  found: Map<string, string>,
): ReadonlyMap<string, string> {
  if (found.has(path)) return found;
  const text = readFileSync(join(folder, path), "utf8");
  found.set(path, text);
  for (const [, imported = ""] of text.matchAll(/(?:from|import\() ?"(\.[^"]+)\.ts"/g)) {
    reachable(folder, `${normalize(join(dirname(path), imported))}.d.ts`, found);
  }
  return found;
}
