import type { CopyReason } from "../capture/unchanged.ts";
import { formatCount, formatNumber } from "../format.ts";
import type { ItemOf } from "./documents/documents.ts";

type Document = ItemOf<"volume snapshot", "snapshots">["copied_because"];

/** Why a snapshot was written although it was to be written only if something changed, in words. */
export function copyReasonText(why: CopyReason): string {
  switch (why.kind) {
    case "first":
      return "it is the volume's first snapshot";
    case "damaged":
      return "the newest snapshot is damaged";
    case "no fingerprint":
      return "the newest snapshot does not say what the volume's metadata was";
    case "unreliable":
      return `cannot tell whether anything changed: ${why.problem}`;
    case "made anew":
      return "the volume has another driver, options or labels since the newest snapshot";
    case "restarted":
      return "the engine's machine was started again since the newest snapshot, or is another one";
    case "changed":
      return changedText(why);
  }
}

function changedText({
  changedEntries = 0,
  example,
  entries,
}: Extract<CopyReason, { kind: "changed" }>): string {
  if (changedEntries === 0) return "something changed since the newest snapshot";
  const count = `${formatNumber(changedEntries)} of ${formatCount(entries, "entry", "entries")}`;
  const such = example === undefined ? "" : `, such as ${example}`;
  return `${count} changed since the newest snapshot${such}`;
}

/** The same as `--json` prints it. */
export function copyReasonDocument(why: CopyReason | undefined): Document {
  if (why === undefined) return null;
  const isChange = why.kind === "changed";
  return {
    reason: why.kind,
    text: copyReasonText(why),
    changed_entries: (isChange ? why.changedEntries : undefined) ?? null,
    example: (isChange ? why.example : undefined) ?? null,
  };
}
