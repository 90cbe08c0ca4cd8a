import type { ErrorEntries } from "./entry.ts";

/** Restores, and what ends or undoes them. */
export const RESTORE_ERRORS = {
  "restore.no-volume": {
    kind: "refused",
    cause: "The volume to restore into does not exist.",
    cure: "Create it with `docker volume create` or `dockform apply`, or add `--create`.",
  },
  "restore.wrong-volume": {
    kind: "refused",
    cause: "The snapshot is one of another volume.",
    cure: "Name that volume with `--from-volume` if it is meant all the same.",
  },
  "restore.unknown-origin": {
    kind: "refused",
    cause: "Nothing says which volume the archive is of, and the command asks for a certain one.",
    cure: "Leave `--from-volume` out.",
  },
  "restore.refused": {
    kind: "refused",
    cause: "There are several reasons, each with its code; `refusals` lists them.",
    cure: "Check that all of them are meant, then run the command line that the message ends with.",
  },
  "restore.in-place-among-others": {
    kind: "refused",
    cause:
      "A volume was to be replaced in place as one of several, from which there is no way back.",
    cure: "Make room for old and new contents at once, or restore the volume by itself.",
  },
  "restore.extract-failed": {
    kind: "failed",
    cause: "The archive could not be extracted into the volume. The old contents are in place.",
    cure: "Follow the message: usually the disk is full, or the file system cannot hold something.",
  },
  "restore.verify-failed": {
    kind: "failed",
    cause: "What was extracted is not what the archive holds. The old contents are in place.",
    cure: "Check the file system under the volume.",
  },
  "restore.swap-failed": {
    kind: "failed",
    cause: "The new contents could not take the place of the old ones, which are in place, whole.",
    cure: "Check the file system under the volume, or restore with `--in-place`.",
  },
  "restore.swap-undecided": {
    kind: "failed",
    cause:
      "The exchange of old and new contents was cut short and could not be finished. Nothing is lost.",
    cure: "Do not start containers on the volume. Fix the cause, then run `dockform volume recover`.",
  },
  "restore.clear-failed": {
    kind: "failed",
    cause:
      "The old contents could not be moved aside before a restore in place. They are in place, whole.",
    cure: "Check the file system under the volume.",
  },
  "restore.partly-cleared": {
    kind: "failed",
    cause:
      "Not all of the old contents could be removed. They are in place again, from their snapshot.",
    cure: "Check the file system under the volume.",
  },
  "restore.paths-changed": {
    kind: "failed",
    cause:
      "Another program changed the paths that were to be replaced. The old contents are in place.",
    cure: "Run the command again.",
  },
  "restore.taken-over": {
    kind: "failed",
    cause: "Another client has ended this operation.",
    cure: "See what that client said about it.",
  },
  "restore.snapshot-incomplete": {
    kind: "failed",
    cause: "The snapshot of the old contents would not bring back all of them. They are in place.",
    cure: "Make room for old and new contents at once instead.",
  },
  "restore.old-contents-incomplete": {
    kind: "failed",
    cause: "The old contents are back, but incomplete.",
    cure: "Keep the snapshot that the message names; restore it where the volume can hold all of it.",
  },
  "restore.unhealthy": {
    kind: "failed",
    cause: "A container was not healthy on the new contents.",
    cure: "The message says which contents are in place, and the last lines of the container's log are shown.",
  },
  "restore.container-started": {
    kind: "failed",
    cause:
      "A container began to use the volume in the middle of the restore. The old contents are in place.",
    cure: "Run the restore again, and make sure that nothing else starts it.",
  },
  "recover.container-running": {
    kind: "refused",
    cause: "A container runs on a volume that stands between old and new contents.",
    cure: "Stop it with `docker stop`, then run `dockform volume recover` again.",
  },
  "recover.set-aside": {
    kind: "failed",
    cause: "Something lay where the contents belong. It was set aside, and nothing was removed.",
    cure: "Look at it, and move it to where it belongs or remove it.",
  },
  "undo.failed": {
    kind: "failed",
    cause: "What was kept could not take its place again. The present contents are in place.",
    cure: "Check the file system under the volume.",
  },
} as const satisfies ErrorEntries;
