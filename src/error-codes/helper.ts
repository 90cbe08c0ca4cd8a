import type { ErrorEntries } from "./entry.ts";

/** The helper containers that read and write volumes, and the image they are made of. */
export const HELPER_ERRORS = {
  "helper.ended": {
    kind: "failed",
    cause: "The helper container ended in the middle of its work.",
    cure: "See whether it was removed, or the engine was stopped or out of memory; then run the command again.",
  },
  "helper.name-taken": {
    kind: "refused",
    cause: "Another container has the name that the helper needs.",
    cure: "Remove or rename it. If there is none, restart the engine.",
  },
  "helper.unremovable": {
    kind: "failed",
    cause: "The engine does not remove a helper that is dead.",
    cure: "Remove it with `docker rm --force`, or restart the engine; then run `dockform volume recover`.",
  },
  "helper.image-unsuitable": {
    kind: "refused",
    cause: "The helper image lacks something that is needed, such as GNU tar, zstd or a shell.",
    cure: "Name another image in the manifest (`helper: { image: ... }`) or in DOCKFORM_HELPER_IMAGE.",
  },
  "helper.image-not-found": {
    kind: "failed",
    cause: "The engine does not have the helper image that was named, and cannot pull it.",
    cure: "Check `helper.image` in the manifest and DOCKFORM_HELPER_IMAGE, or load the image into the engine.",
  },
  "helper.image-impossible": {
    kind: "failed",
    cause:
      "The engine cannot pull the helper image, and it cannot be made from this machine's tools.",
    cure: "Let the engine reach a registry, or name an image in DOCKFORM_HELPER_IMAGE.",
  },
  "helper.tools-unpackable": {
    kind: "failed",
    cause: "This machine's tools cannot be packed into a helper image.",
    cure: "Name an image with GNU tar, zstd, perl and a shell in DOCKFORM_HELPER_IMAGE.",
  },
} as const satisfies ErrorEntries;
