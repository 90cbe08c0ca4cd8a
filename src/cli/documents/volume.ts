import * as v from "valibot";
import { LEFT_OUT_REASONS } from "../../app/choose-volumes.ts";
import { COPY_REASONS } from "../../capture/unchanged.ts";
import { failedContexts, failedVolume } from "./diagnostic.ts";
import { ASPECTS } from "../../helper/message-groups.ts";
import {
  archivePath,
  container,
  count,
  deprecated,
  duration,
  fields,
  flag,
  group,
  kept,
  list,
  sidecar,
  text,
  texts,
  volumeName,
  word,
} from "./parts.ts";

const listedVolume = fields({
  ...volumeName,
  declared: flag("Whether the manifest declares it."),
  exists: flag("Whether the engine has it."),
  size_bytes: v.nullable(count("On the engine's disk, where the engine knows.")),
  containers: list(
    fields({ name: text("The container's name."), state: text("As the engine says it.") }),
    "Containers that mount it, stopped ones too.",
  ),
  newest_snapshot: v.nullable(text("The newest snapshot's data file.")),
  kept: v.nullable(
    group(
      { ...kept, size_bytes: count("On the disk."), bytes: deprecated(count, "size_bytes") },
      "What `volume undo` would put back.",
    ),
  ),
  leftovers: list(
    fields({ folder: text("Its name in the volume."), cause: text("Why it stayed.") }),
    "Folders in it that could not be removed.",
  ),
  set_aside: texts("Folders with what others wrote during a swap."),
  interrupted: flag("Whether `volume recover` has something to do."),
});

export const volumeListDocument = fields({
  volumes: list(listedVolume, "Declared and existing volumes, by context and name."),
  failed_contexts: failedContexts,
});

export const copiedBecause = v.nullable(
  group(
    {
      reason: word(
        COPY_REASONS,
        "`first` where there was none; `damaged` or `no fingerprint` of the newest one; `unreliable` where metadata tells nothing; `made anew` where the volume is another one; `restarted` where the engine's machine is; else `changed`.",
      ),
      text: text("The same in words."),
      changed_entries: v.nullable(
        count("How many changed since the newest one, where it is known."),
      ),
      example: v.nullable(text("The one of them that changed last.")),
    },
    "Why one was written in spite of `--if-changed`; null without that, or where none was written.",
  ),
);

export const volumeSnapshotDocument = fields({
  snapshots: list(
    fields({
      ...volumeName,
      archive: archivePath,
      sidecar_path: text("The snapshot's sidecar."),
      unchanged: flag("Whether none was written, since `--if-changed` found no change."),
      copied_because: copiedBecause,
      sidecar,
    }),
    "One for each volume that was done, in the order they were named.",
  ),
  failures: list(
    failedVolume,
    "One for each volume that could not be done. Where only one was named, the error is the whole document.",
  ),
  left_out: list(
    fields({
      ...volumeName,
      why: word(
        LEFT_OUT_REASONS,
        "`anonymous` where the engine made up its name; `not wanted` where the manifest says that it needs none; `excluded` by `--exclude`.",
      ),
    }),
    "Volumes that `--all` or a pattern means, and that were left out.",
  ),
});

/** What a replacement of contents has in common, wherever the new ones come from. */
const leftOut = fields({
  aspect: word(ASPECTS, "The class of it."),
  attribute: v.nullable(text("The attribute's name, where it is one.")),
  what: text("What could not be put back, in words."),
  count: count("Of how many files."),
  files: texts("The first few of them."),
});

const replacement = {
  created_volume: flag("Whether the command made the volume, or would."),
  kept_previous: flag("Whether `volume undo` can put the old contents back."),
  plan: group(
    {
      replaces_contents: flag("Whether the volume holds something that is replaced."),
      in_place: flag("Whether the old contents are removed before the new ones are there."),
      stops: texts("Running containers that are stopped for the swap and started again."),
      old_contents: word(["kept", "removed", "none"], "What becomes of what the volume holds."),
      kept_before: v.nullable(
        group(
          {
            kept_at: text("Since when; a time, where it is known."),
            removed: flag("Whether they are removed, to keep others in their place."),
          },
          "Contents that the volume keeps already.",
        ),
      ),
      refusals: list(
        fields({ code: text("As an error has it."), message: text("What stands against it.") }),
        "What has to be allowed first. Only a dry run has any, and it exits 3 then.",
      ),
    },
    "What is done to the volume, or by a dry run would be, as it was found out before it begins.",
  ),
  left_out: list(leftOut, "What could not be put back, and was left out."),
  containers: list(container, "Those that were stopped for the swap."),
  durations: group(
    {
      check_ms: duration("All checks."),
      extract_ms: duration("Extracting beside the old contents."),
      swap_ms: duration("Putting the new contents in place."),
      watch_ms: duration("Until the containers were known to be healthy."),
      remove_old_ms: duration("Removing the old contents, or keeping them."),
      total_ms: duration("All of it."),
    },
    "What took how long.",
  ),
};

export const volumeRestoreDocument = fields({
  ...volumeName,
  archive: archivePath,
  dry_run: flag("Whether nothing was changed, since `--dry-run` was given."),
  uncompressed_bytes: count("The archive as a tar stream."),
  entry_count: count("Files, folders and all else that was restored."),
  checked_by: word(
    ["checksum", "reading"],
    "Against the sidecar's SHA-256, or by reading to the end.",
  ),
  outside_entries: count("Entries of the archive outside of `--from` or `--strip-components`."),
  ...replacement,
});

export const volumeCopyDocument = fields({
  ...volumeName,
  source: group(volumeName, "The volume that was copied."),
  dry_run: flag("Whether nothing was changed, since `--dry-run` was given."),
  uncompressed_bytes: v.nullable(count("The contents as a tar stream; null in a dry run.")),
  entry_count: v.nullable(count("Files, folders and all else that was copied; null in a dry run.")),
  shortcomings: texts("What says that the copy may lack something."),
  removed_source: flag("Whether the source was removed, or would be: `volume move` does."),
  ...replacement,
});

export const volumeUndoDocument = fields({
  ...volumeName,
  returned: group(kept, "The contents that were put back."),
  containers: list(container, "Those that were stopped for the swap."),
  durations: group(
    {
      swap_ms: duration("Putting the contents in place."),
      total_ms: duration("All of it."),
    },
    "What took how long.",
  ),
});

export const volumeUndoDiscardDocument = fields({
  ...volumeName,
  discarded: group(kept, "The contents that were removed."),
});

export const volumeRecoverDocument = fields({
  volumes: list(
    fields({
      ...volumeName,
      contents: word(
        ["before", "after", "whole", "nothing", "gone"],
        "What is in place: the contents from before the operation, or those it brought; `whole` where only containers were not as they had been; `nothing` where nothing was interrupted; `gone` where the volume is.",
      ),
      containers: list(container, "Those that the operation had stopped."),
    }),
    "One for each volume that was recovered.",
  ),
  failures: list(
    failedVolume,
    "One for each volume that could not be. Where there was only that one, the error is the whole document.",
  ),
  failed_contexts: failedContexts,
});
