import { DockformError } from "../errors.ts";
import type { ByteText } from "../tar/header.ts";
import { entryPath } from "../tar/path.ts";

const ESCAPE = /\\(?:x([0-9a-f]{2})|u([0-9a-f]{4})|([nt\\]))/g;
const CHARACTERS: Readonly<Record<string, string>> = { n: "\n", t: "\t", "\\": "\\" };

/**
 * A path within a snapshot as somebody typed it, or copied it from what `snapshot files` shows: with
 * `\xff` for a byte that is no text, `\u202e` for a character that no line may hold, `\n`, `\t` and `\\`.
 */
export function typedPath(typed: string): ByteText {
  const bytes = Buffer.from(typed, "utf8").toString("latin1");
  return entryPath(
    bytes.replaceAll(ESCAPE, (_all, byte?: string, character?: string, letter = "") => {
      if (byte !== undefined) return String.fromCharCode(Number.parseInt(byte, 16));
      if (character === undefined) return CHARACTERS[letter] ?? "";
      const text = String.fromCharCode(Number.parseInt(character, 16));
      return Buffer.from(text, "utf8").toString("latin1");
    }),
  );
}

/** That an archive holds nothing at a path, as it was typed. */
export function notInArchive(path: string, archivePath: string): DockformError {
  return new DockformError("archive.path-not-found", `there is no ${path} in ${archivePath}`, {
    advice: [{ code: "list-files" }],
    data: { path },
  });
}
