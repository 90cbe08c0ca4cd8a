import type { UnremovedSnapshot } from "../app/remove-snapshots.ts";
import { throwFirst, type FailedVolume } from "../app/several.ts";
import { DockformError, stackOf, unexpected } from "../errors.ts";
import type { ItemOf } from "./documents/documents.ts";
import { errorDocument, type Session } from "./session.ts";

/** A volume that something could not be done with, as documents of several have it. */
export function failedVolume(
  { context, volume, error }: FailedVolume,
  { call }: Session,
): ItemOf<"volume snapshot", "failures"> {
  return { context, volume, ...errorDocument(asDockformError(error), call) };
}

/** The same of a snapshot. */
export function failedSnapshot(
  { archivePath, error }: UnremovedSnapshot,
  { call }: Session,
): ItemOf<"snapshot remove", "failures"> {
  return { archive: archivePath, ...errorDocument(asDockformError(error), call) };
}

/** Ends a command with the first failure, where there is one, after the others were told. */
export function throwFailures(
  failures: readonly { readonly error: unknown }[],
  { log }: Session,
  summary?: string,
): void {
  throwFirst(
    failures.map(({ error }) => error),
    log,
    summary,
  );
}

/** Anything that was thrown, as it is told: what is none of ours is a defect. */
export function asDockformError(thrown: unknown): DockformError {
  if (thrown instanceof SuppressedError) return asDockformError(thrown.suppressed);
  return thrown instanceof DockformError ? thrown : unexpected(stackOf(thrown), thrown);
}
