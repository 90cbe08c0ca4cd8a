import type { ErrorEntries } from "./entry.ts";

/** Copies of volumes. */
export const COPY_ERRORS = {
  "copy.onto-itself": {
    kind: "refused",
    cause: "Source and target are one volume.",
    cure: "Name another volume, or one of another engine.",
  },
  "copy.no-project": {
    kind: "refused",
    cause: "The copy is to belong to a Compose project, and the source belongs to none.",
    cure: "Copy without `--project`, under the name that is to be used.",
  },
  "copy.other-name": {
    kind: "usage",
    cause: "The copy is to belong to a Compose project, which would not find it under that name.",
    cure: "Copy to the name that the message says.",
  },
  "copy.not-whole": {
    kind: "integrity",
    cause: "What arrived is not what was read. Nothing was replaced.",
    cure: "Run the command again.",
  },
  "copy.source-kept": {
    kind: "failed",
    cause:
      "The volume was copied, and the copy may lack something, so that the source was not removed.",
    cure: "Compare the two, then remove the one that you do not want.",
  },
} as const satisfies ErrorEntries;
