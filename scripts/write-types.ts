/** Writes the type declarations of the library into dist/types, as a part of the build. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { libraryDeclarations } from "./declarations.ts";

const FOLDER = join(import.meta.dirname, "../dist/types");

for (const [path, text] of libraryDeclarations()) {
  mkdirSync(dirname(join(FOLDER, path)), { recursive: true });
  writeFileSync(join(FOLDER, path), text);
}
