import { aclText } from "./acl.ts";
import type { EntryType, TarEntry } from "./entries.ts";
import { displayText, entryPath } from "./path.ts";
import { timeText } from "./record.ts";

const LETTERS: Readonly<Record<EntryType, string>> = {
  file: "-",
  folder: "d",
  symlink: "l",
  hardlink: "h",
  fifo: "p",
  char: "c",
  block: "b",
};

const OWNER_WIDTH = 5;
const SIZE_WIDTH = 12;

/**
 * An entry in one line as `ls -ln` shows it, times in UTC: `h` is another name of a file listed before, `+`
 * an ACL, `@` attributes.
 */
export function listingLine(entry: TarEntry): string {
  const { uid, gid, sizeBytes, mtimeNs } = entry;
  return [
    modeText(entry),
    String(uid).padStart(OWNER_WIDTH),
    String(gid).padStart(OWNER_WIDTH),
    (deviceText(entry) ?? String(sizeBytes)).padStart(SIZE_WIDTH),
    timeText(mtimeNs).replace("T", " ").slice(0, "2026-11-23 02:15:40".length),
    displayText(entryPath(entry.path)) + targetText(entry),
  ].join(" ");
}

/** What an entry is and who may do what: `-rw-r--r--@`. */
export function modeText(entry: TarEntry): string {
  return LETTERS[entry.type] + permissions(entry.mode) + marks(entry);
}

/** A device's numbers, which stand in place of a size. */
export function deviceText({ device }: TarEntry): string | undefined {
  return device === undefined ? undefined : `${device.major}, ${device.minor}`;
}

/** What a link leads to; with a blank before it, or empty. */
export function targetText({ type, linkTarget }: TarEntry): string {
  if (type === "symlink") return ` -> ${displayText(linkTarget)}`;
  return type === "hardlink" ? ` link to ${displayText(entryPath(linkTarget))}` : "";
}

function marks(entry: TarEntry): string {
  if (aclText(entry, "access") !== "" || aclText(entry, "default") !== "") return "+";
  return entry.xattrs.size > 0 ? "@" : " ";
}

/** `rwxr-sr-t` */
function permissions(mode: number): string {
  const bits = Array.from({ length: 12 }, (_, i) => ((mode >> (11 - i)) & 1) === 1);
  const [setuid, setgid, sticky, ...rwx] = bits;
  const letters = rwx.map((isSet, i) => (isSet ? ("rwx"[i % 3] ?? "-") : "-"));
  const special = (i: number, isSet: boolean | undefined, letter: string): void => {
    if (isSet === true) letters[i] = letters[i] === "x" ? letter : letter.toUpperCase();
  };
  special(2, setuid, "s");
  special(5, setgid, "s");
  special(8, sticky, "t");
  return letters.join("");
}
