import * as v from "valibot";
import { HELD_BACK, NIGHTLY_OUTCOMES } from "../../app/nightly.ts";
import { errorDocument } from "./diagnostic.ts";
import {
  archivePath,
  count,
  fields,
  flag,
  list,
  text,
  texts,
  time,
  volumeName,
  word,
} from "./parts.ts";
import { snapshotStatusDocument } from "./snapshot.ts";
import { copiedBecause } from "./volume.ts";

const snapshot = fields({
  ...volumeName,
  outcome: word(
    NIGHTLY_OUTCOMES,
    "`unchanged` where nothing had changed, so that none was written; `due` only in a dry run; `not due` where the newest one is fresh until the next night; `not wanted` where the manifest says that none is needed.",
  ),
  archive: v.nullable(archivePath),
  stored_bytes: v.nullable(count("The data file's size.")),
  copied_because: copiedBecause,
  warnings: texts("What there was to say of the volume while it was read."),
  error: v.nullable(errorDocument.entries.error),
});

const pruned = fields({
  context: v.nullable(text("Docker context, where the folder tells contexts apart.")),
  volume: volumeName.volume,
  has_policy: flag("Whether there are rules for it; without, all are kept."),
  held_back: v.nullable(
    word(
      HELD_BACK,
      "Why none was looked at: its snapshot `failed`, or the newest one is from the `future`, so that a clock was wrong.",
    ),
  ),
  removed: texts("Data files that were removed, or in a dry run would be."),
  removed_bytes: count("Their size."),
  error: v.nullable(errorDocument.entries.error),
});

export const nightlyDocument = fields({
  dry_run: flag("Whether nothing was changed, since `--dry-run` was given."),
  checked_at: time("When it was looked, at the end."),
  snapshots: list(snapshot, "One for each declared volume."),
  pruned: list(pruned, "Declared volumes that have snapshots."),
  volumes: list(
    snapshotStatusDocument.entries.volumes.pipe[0].item,
    "How the declared volumes stand at the end, as in `snapshot status`.",
  ),
});
