import { formatBytes, formatLocalTime, shellWord } from "../format.ts";
import type { TarEntry } from "../tar/entries.ts";
import { deviceText, listingLine, modeText, targetText } from "../tar/listing.ts";
import { displayText, entryPath } from "../tar/path.ts";
import { timeText } from "../tar/record.ts";
import { textWidth } from "./output/width.ts";
import type { Session } from "./session.ts";

const OWNER_WIDTH = 11;
const SIZE_WIDTH = 7;
const BELOW_INDENT = 4;

/**
 * An entry as `ls -l` shows it. On a terminal sizes are rounded and times without seconds, so that most paths stand in the
 * same line; one that has no room there stands below, in one piece, and as a shell takes it.
 */
export function listingLines(
  entry: TarEntry,
  { columns, showsLocalTime }: Session,
): readonly string[] {
  if (columns === undefined) return [listingLine(entry)];
  const utc = timeText(entry.mtimeNs);
  const time = showsLocalTime ? formatLocalTime(utc) : utc.replace("T", " ");
  const facts = [
    modeText(entry),
    `${entry.uid}:${entry.gid}`.padStart(OWNER_WIDTH),
    (deviceText(entry) ?? formatBytes(entry.sizeBytes)).padStart(SIZE_WIDTH),
    time.slice(0, "2026-11-23 02:15".length),
  ].join(" ");
  const path = shellWord(displayText(entryPath(entry.path))) + targetText(entry);
  const line = `${facts} ${path}`;
  return textWidth(line) <= columns ? [line] : [facts, " ".repeat(BELOW_INDENT) + path];
}
