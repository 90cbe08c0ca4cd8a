import { formatCount } from "../format.ts";
import type { EntryDifference } from "../tar/compare.ts";
import { displayText } from "../tar/path.ts";

const NAMED = 5;

/** The first few differences for a sentence, and how many more there are. */
export function differencesText(differences: readonly EntryDifference[]): string {
  const named = differences.slice(0, NAMED).map(({ path, kind, changes }) => {
    const what = changes.map((change) => displayText(change.what)).join(", ");
    return `${displayText(path)} ${kind}${what === "" ? "" : ` (${what})`}`;
  });
  const others = differences.length - named.length;
  return [
    ...named,
    ...(others > 0 ? [`and ${formatCount(others, "other entry", "others")}`] : []),
  ].join("; ");
}
