import { ARCHIVE_ERRORS } from "./archive.ts";
import { COMMAND_ERRORS } from "./command.ts";
import { ENGINE_ERRORS } from "./engine.ts";
import { HELPER_ERRORS } from "./helper.ts";
import { MANIFEST_ERRORS } from "./manifest.ts";
import { RESTORE_ERRORS } from "./restore.ts";
import { SNAPSHOT_ERRORS } from "./snapshot.ts";
import { VOLUME_ERRORS } from "./volume.ts";
import { WORKLOAD_ERRORS } from "./workload.ts";

/**
 * Every code that an error can carry. Codes are API: one that was published keeps its name, its kind and its meaning.
 * docs/errors.md is made of this table.
 */
export const ERROR_CODES = {
  ...ARCHIVE_ERRORS,
  ...COMMAND_ERRORS,
  ...ENGINE_ERRORS,
  ...HELPER_ERRORS,
  ...MANIFEST_ERRORS,
  ...RESTORE_ERRORS,
  ...SNAPSHOT_ERRORS,
  ...VOLUME_ERRORS,
  ...WORKLOAD_ERRORS,
};

export type ErrorCode = keyof typeof ERROR_CODES;
