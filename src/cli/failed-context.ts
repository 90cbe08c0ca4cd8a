import type { FailedContext } from "../app/several.ts";
import type { ItemOf } from "./documents/documents.ts";
import { asDockformError } from "./failures.ts";
import { errorDocument, type Session } from "./session.ts";

/** Whether there is a result in spite of what failed: of one context alone, the failure is all there is to tell. */
export function hasResult(contexts: readonly unknown[], failed: readonly FailedContext[]): boolean {
  return failed.length === 0 || contexts.length > 1;
}

/** Which of several contexts failed; `undefined` where there are not several, or none did. */
export function summaryOf(
  failed: readonly FailedContext[],
  contexts: readonly unknown[],
): string | undefined {
  if (failed.length === 0 || contexts.length === 1) return undefined;
  const names = failed.map(({ context }) => context).join(", ");
  return `${failed.length} of ${contexts.length} contexts failed: ${names}`;
}

export function failedToJson(
  failed: readonly FailedContext[],
  { call }: Session,
): readonly ItemOf<"volume list", "failed_contexts">[] {
  return failed.map(({ context, error }) => ({
    context,
    ...errorDocument(asDockformError(error), call),
  }));
}
