import { ARCHIVE_ERRORS } from "./archive.ts";
import { COMMAND_ERRORS } from "./command.ts";
import { CONNECTION_ERRORS } from "./connection.ts";
import { COPY_ERRORS } from "./copy.ts";
import { ENGINE_ERRORS } from "./engine.ts";
import type { ErrorEntries } from "./entry.ts";
import { HELPER_ERRORS } from "./helper.ts";
import { MANIFEST_ERRORS } from "./manifest.ts";
import { RESTORE_ERRORS } from "./restore.ts";
import { SNAPSHOT_ERRORS } from "./snapshot.ts";
import { VOLUME_ERRORS } from "./volume.ts";
import { WORKLOAD_ERRORS } from "./workload.ts";

/**
 * Every code that an error can carry. Codes are API: one that was published keeps its name, its kind and its meaning.
 */
export const ERROR_CODES = {
  ...ARCHIVE_ERRORS,
  ...COMMAND_ERRORS,
  ...COPY_ERRORS,
  ...ENGINE_ERRORS,
  ...CONNECTION_ERRORS,
  ...HELPER_ERRORS,
  ...MANIFEST_ERRORS,
  ...RESTORE_ERRORS,
  ...SNAPSHOT_ERRORS,
  ...VOLUME_ERRORS,
  ...WORKLOAD_ERRORS,
};

export type ErrorCode = keyof typeof ERROR_CODES;

/** The same by subject, as docs/errors.md lists them. */
export const ERROR_AREAS: readonly { readonly title: string; readonly errors: ErrorEntries }[] = [
  { title: "Archives", errors: ARCHIVE_ERRORS },
  { title: "The command line", errors: COMMAND_ERRORS },
  { title: "Copies", errors: COPY_ERRORS },
  { title: "The engine and its contexts", errors: ENGINE_ERRORS },
  { title: "Connections to engines elsewhere", errors: CONNECTION_ERRORS },
  { title: "Helper containers", errors: HELPER_ERRORS },
  { title: "The manifest", errors: MANIFEST_ERRORS },
  { title: "Restores", errors: RESTORE_ERRORS },
  { title: "Snapshots and where they are stored", errors: SNAPSHOT_ERRORS },
  { title: "Volumes", errors: VOLUME_ERRORS },
  { title: "Containers and drills", errors: WORKLOAD_ERRORS },
];
