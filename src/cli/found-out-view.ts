import { formatAge } from "../format.ts";
import type { Session } from "./session.ts";

/** When something was found out of a snapshot, in a table: `3 days ago`, or `never`. */
export function foundOutText(at: Date | undefined, { paint, io }: Session): string {
  if (at === undefined) return paint("dim", "never");
  return paint("green", `${formatAge(io.now().getTime() - at.getTime())} ago`);
}
