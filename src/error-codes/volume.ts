import type { ErrorEntries } from "./entry.ts";

/** Volumes: what they are, what they hold, and who uses them. */
export const VOLUME_ERRORS = {
  "volume.not-found": {
    kind: "failed",
    cause: "The engine has no volume of that name.",
    cure: "List them with `dockform volume list`.",
  },
  "volume.no-match": {
    kind: "usage",
    cause: "No volume matches the pattern, none is declared, or all that were meant are left out.",
    cure: "List them with `dockform volume list`, declare those that are to be in the manifest, and put a pattern in quotes.",
  },
  "volume.removed-meanwhile": {
    kind: "failed",
    cause: "The volume was removed by another program in the middle of the command.",
    cure: "List them with `dockform volume list`.",
  },
  "volume.never-mounted": {
    kind: "refused",
    cause: "Podman changes the root of such a volume when it is mounted for the first time.",
    cure: "Start the container that the volume is for once, then run the command again.",
  },
  "volume.created-meanwhile": {
    kind: "refused",
    cause: "The volume was created by another program in the middle of the command.",
    cure: "Look at it, then run the command again.",
  },
  "volume.undeclared": {
    kind: "refused",
    cause: "The manifest does not declare the volume, or there is no manifest.",
    cure: "Declare it under `volumes:`, or add `--undeclared`.",
  },
  "volume.declared-otherwise": {
    kind: "refused",
    cause: "The manifest declares the volume differently from when the snapshot was taken.",
    cure: "Create it with `dockform apply` and restore without `--create`, or change the manifest.",
  },
  "volume.same-contents": {
    kind: "refused",
    cause:
      "A volume created with the snapshot's options would lead to the contents of another one.",
    cure: "Create it with `docker volume create` and the options that you want, then restore without `--create`.",
  },
  "volume.not-empty": {
    kind: "refused",
    cause: "The volume holds something, which the restore would replace.",
    cure: "Take a snapshot of it if you may need it, then add `--force`.",
  },
  "volume.path-taken": {
    kind: "refused",
    cause: "The volume holds something at a path that is to be restored.",
    cure: "Add `--force` to replace it.",
  },
  "volume.path-through-link": {
    kind: "refused",
    cause:
      "A path that is to be restored leads through a link, or through something that is not a folder.",
    cure: "Use `dockform snapshot extract`, then copy it to its place.",
  },
  "volume.in-use": {
    kind: "refused",
    cause: "Containers use the volume.",
    cure: "Stop them, or add `--stop-containers` to a restore; remove them before the volume is removed.",
  },
  "volume.busy": {
    kind: "refused",
    cause: "Another client is working on the volume.",
    cure: "Run the command again when it has ended.",
  },
  "volume.interrupted": {
    kind: "refused",
    cause: "An operation on the volume was cut short.",
    cure: "Run `dockform volume recover`: it puts the old or the new contents in place, whole.",
  },
  "volume.no-room": {
    kind: "refused",
    cause: "The file system cannot hold the old and the new contents at once.",
    cure: "Make room on it, or restore with `--in-place`.",
  },
  "volume.no-room-to-keep": {
    kind: "refused",
    cause: "The file system has no room to keep the old contents beside the new ones.",
    cure: "Omit `--keep-previous` and `--keep-failed`: `--in-place` writes a snapshot first.",
  },
  "volume.too-small": {
    kind: "failed",
    cause: "The file system cannot hold the new contents even alone. The old ones are in place.",
    cure: "Make room on it.",
  },
  "volume.cannot-hold": {
    kind: "refused",
    cause:
      "The file system cannot hold something that the archive has, such as owners or attributes.",
    cure: "Restore without it, by `--without`, or into a volume on another file system.",
  },
  "volume.not-restorable": {
    kind: "refused",
    cause:
      "What the volume holds could not be put back from a snapshot, so it must not be removed.",
    cure: "Make room for old and new contents at once instead.",
  },
  "volume.not-saved": {
    kind: "refused",
    cause:
      "The snapshot of a volume that is to be removed would not bring back all of it. It was not removed.",
    cure: "Stop what writes to it, and run the command again.",
  },
  "volume.immovable": {
    kind: "refused",
    cause:
      "Something in the volume cannot be renamed: it is immutable or read-only, or its file system cannot rename it.",
    cure: "Follow the message, which names what it is.",
  },
  "volume.root-attributes": {
    kind: "refused",
    cause:
      "The volume's root folder has attributes or an ACL, and the helper image has no tool to replace them.",
    cure: "Install acl and attr on this machine, or name an image that has them.",
  },
  "volume.mount-inside": {
    kind: "refused",
    cause: "Another file system is mounted inside the volume.",
    cure: "Unmount it first.",
  },
  "volume.keeps-contents": {
    kind: "refused",
    cause: "The volume keeps contents for `dockform volume undo`, which would be lost.",
    cure: "Put them back, or discard them, with `dockform volume undo`.",
  },
  "volume.keeps-nothing": {
    kind: "refused",
    cause: "The volume keeps no contents to go back to.",
    cure: "Restore a snapshot. With `--keep-previous` a restore keeps what it replaces.",
  },
  "volume.unreadable": {
    kind: "failed",
    cause: "The volume cannot be read; the message says why.",
    cure: "Check the file system under the volume.",
  },
  "volume.unwritable": {
    kind: "failed",
    cause: "The volume cannot be written to. Its contents are as they were.",
    cure: "Check the file system under the volume.",
  },
  "volume.in-memory-unused": {
    kind: "refused",
    cause:
      "The volume is in memory, and no running container uses it: what is restored would be lost at once.",
    cure: "Start a container that uses it, then restore with `--stop-containers`.",
  },
  "volume.memory-lost": {
    kind: "failed",
    cause:
      "The volume was in memory, and what it held is lost with the engine or machine that held it.",
    cure: "Restore its newest snapshot.",
  },
  "volume.memory-held": {
    kind: "failed",
    cause: "The engine has lost what the volume held in memory, and one container still has it.",
    cure: "Copy it out of that container as the message says.",
  },
  "volume.contents-unknown": {
    kind: "failed",
    cause:
      "Whether the contents are complete is not known: a folder of the interrupted operation is missing.",
    cure: "Look at them, or restore the newest snapshot.",
  },
  "volume.gone": {
    kind: "failed",
    cause:
      "The volume no longer exists, and an operation on it had stopped containers that have not been started again.",
    cure: "Follow the message, then run `dockform volume recover` again.",
  },
} as const satisfies ErrorEntries;
