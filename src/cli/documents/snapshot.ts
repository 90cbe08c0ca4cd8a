import * as v from "valibot";
import { error, failedSnapshot } from "./diagnostic.ts";
import { FRESHNESS_STATES } from "./manifest.ts";
import {
  archivePath,
  count,
  deprecated,
  duration,
  fields,
  flag,
  group,
  list,
  sidecar,
  signed,
  text,
  textMap,
  texts,
  time,
  volumeName,
  word,
} from "./parts.ts";

const ENTRY_TYPES = ["file", "folder", "symlink", "hardlink", "fifo", "char", "block"] as const;

const listedSnapshot = fields({
  archive: archivePath,
  sidecar_path: text("The snapshot's sidecar."),
  created_at: time("When it was taken."),
  age_seconds: signed("Since then; below 0 where a clock was wrong."),
  stored_bytes: count("The data file's size."),
  uncompressed_bytes: v.nullable(count("The same as a tar stream.")),
  file_count: v.nullable(
    count("Regular files in it, and further names of files and symbolic links."),
  ),
  notes: v.nullable(text("Its note.")),
  purpose: v.nullable(
    text(
      "What it was written for: `safety` before a restore in place; null where it was asked for.",
    ),
  ),
  verified_at: v.nullable(time("When it was last verified; null where it has a problem.")),
  proven_at: v.nullable(
    time(
      "When a drill last proved it; null where it has a problem, or containers were not healthy on it since.",
    ),
  ),
  damaged_at: v.nullable(time("When it was found damaged.")),
  unhealthy_at: v.nullable(
    time(
      "When containers were found not healthy on it; null once they were, or a drill proved it.",
    ),
  ),
  problem: v.nullable(text("Why it cannot be used.")),
  other_volume: v.nullable(text("Of which volume it is, where not of the one it is listed under.")),
});

export const snapshotListDocument = fields({
  store: text("The folder of all snapshots."),
  folder: deprecated(text, "store"),
  volumes: list(
    fields({
      context: v.nullable(text("Docker context, where the folder tells contexts apart.")),
      volume: volumeName.volume,
      stored_bytes: count("All of the volume's snapshots together."),
      snapshots: list(listedSnapshot, "The newest first."),
      leftovers: list(
        fields({
          path: text("The file."),
          kind: word(
            ["unfinished", "no sidecar", "no data"],
            "What is missing of it; `unfinished` may be one being written now.",
          ),
        }),
        "Files that are not snapshots.",
      ),
    }),
    "By context and name.",
  ),
});

export const snapshotShowDocument = fields({
  archive: archivePath,
  stored_bytes: count("The data file's size."),
  problem: v.nullable(
    text("Why it cannot be used, as far as one can tell without reading the data."),
  ),
  sidecar: v.nullable(sidecar),
});

export const snapshotFilesDocument = fields({
  archive: archivePath,
  entries: list(
    fields({
      path: text("From the volume's root; bytes that are not UTF-8 are escaped."),
      type: word(ENTRY_TYPES, "`hardlink` is another name of a file listed before."),
      mode: text("Octal, as `0644`."),
      uid: signed("The owner's number."),
      gid: signed("The group's number."),
      size_bytes: count("Of the content."),
      mtime: text("Time of the last change, to the nanosecond where it is stored."),
      link_target: v.nullable(text("What a link points to.")),
      device: v.nullable(text("`major:minor` of a device.")),
      attributes: textMap("Extended attributes by name, values in Base64."),
    }),
    "In the order of the archive.",
  ),
});

export const snapshotExtractDocument = fields({
  archive: archivePath,
  folder: text("Where the files are now."),
  entry_count: count("Files, folders and all else that was extracted."),
  file_bytes: count("Content of the files."),
  privileged_left_out: count(
    "Entries without their setuid, setgid or capabilities, and devices: see `--privileged-entries`.",
  ),
  not_restored: texts("What this machine could not take, in words."),
});

export const snapshotDiffDocument = fields({
  before: archivePath,
  after: text("The other data file, or `live`."),
  differences: list(
    fields({
      path: text("From the volume's root."),
      kind: word(["added", "removed", "changed"], "What became of it."),
      type: word(ENTRY_TYPES, "After, or before where it was removed."),
      changes: list(
        fields({
          what: text("`content`, `mode`, `owner`, `attribute user.x`, ..."),
          before: v.nullable(text("null if there was none.")),
          after: v.nullable(text("null if there is none.")),
        }),
        "Of a changed one: in what.",
      ),
    }),
    "By path.",
  ),
});

export const snapshotVerifyDocument = fields({
  snapshots: list(
    fields({
      archive: archivePath,
      ok: flag("Whether all that could be checked is right."),
      stored_bytes: v.nullable(count("The data file's size.")),
      uncompressed_bytes: v.nullable(count("The same as a tar stream.")),
      entry_count: v.nullable(count("Entries in it.")),
      file_count: v.nullable(
        count("Regular files in it, and further names of files and symbolic links."),
      ),
      verified_at: v.nullable(time("The time that was recorded in the sidecar.")),
      error: v.nullable(error),
    }),
    "In the order they were read.",
  ),
});

const failures = list(failedSnapshot, "One for each snapshot that could not be removed.");

export const snapshotRemoveDocument = fields({
  removed: texts("Data files that were removed."),
  failures,
});

export const snapshotPruneDocument = fields({
  deleted: flag("Whether `--delete` was given; without it nothing was touched."),
  volumes: list(
    fields({
      context: v.nullable(text("Docker context, where the folder tells contexts apart.")),
      volume: volumeName.volume,
      has_policy: flag("Whether there are rules for it; without, all are kept."),
      snapshots: list(
        fields({
          archive: archivePath,
          created_at: time("When it was taken."),
          stored_bytes: count("The data file's size."),
          notes: v.nullable(text("Its note.")),
          keep: flag("Whether it stays."),
          kept_by: texts("The rules that keep it, in words."),
        }),
        "The newest first.",
      ),
    }),
    "Volumes that have snapshots.",
  ),
  failures,
});

export const snapshotStatusDocument = fields({
  checked_at: time("When the snapshots were looked at."),
  volumes: list(
    fields({
      ...volumeName,
      state: word(FRESHNESS_STATES, "The state of its snapshots."),
      attention: flag("Whether something needs to be done."),
      every: v.nullable(text("How old the newest may get, as the manifest says it; or `never`.")),
      newest_snapshot: v.nullable(text("The newest good one's data file.")),
      created_at: v.nullable(time("When that was taken.")),
      taken_at: v.nullable(deprecated(time, "created_at")),
      unchanged_at: v.nullable(time("When the volume was last found to hold still the same.")),
      age_seconds: v.nullable(signed("Since the later of the two.")),
      verified_at: v.nullable(time("When the newest was last verified.")),
      proven_at: v.nullable(time("When a drill last proved it, as in `snapshot list`.")),
      unhealthy_at: v.nullable(time("When containers were found not healthy on it, as there.")),
      damage: v.nullable(text("What is wrong with the newest damaged one.")),
      damaged_snapshots: texts("Those that cannot be used; the sidecar of one without its data."),
    }),
    "Declared volumes.",
  ),
});

export const snapshotDrillDocument = fields({
  ...volumeName,
  archive: archivePath,
  proven_at: time("When the proof was there."),
  proven_by: text("What was started, and how it fared."),
  recorded: flag("Whether the sidecar says so now."),
  differences: texts("How the copy of a container differed from it."),
  durations: group(
    {
      restore_ms: duration("Restoring into the throw-away volume."),
      proof_ms: duration("Until the proof was there."),
    },
    "What took how long.",
  ),
});
