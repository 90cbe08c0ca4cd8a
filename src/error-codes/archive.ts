import type { ErrorEntries } from "./entry.ts";

/** Archives, what lies beside them, and what is extracted from them. */
export const ARCHIVE_ERRORS = {
  "archive.not-found": {
    kind: "failed",
    cause: "There is no file at that path.",
    cure: "Run `dockform snapshot list` to see what there is.",
  },
  "archive.not-a-file": {
    kind: "failed",
    cause: "The path names something that is not a regular file, such as a folder.",
    cure: "Give the path of a snapshot's data file.",
  },
  "archive.unreadable": {
    kind: "failed",
    cause: "The archive cannot be read; the message says why.",
    cure: "Check the owner and mode of the file, and the disk it is on.",
  },
  "archive.damaged": {
    kind: "integrity",
    cause: "The archive is cut short, or it does not contain a readable tar stream.",
    cure: "Use another snapshot. `dockform snapshot verify` finds the good ones.",
  },
  "archive.beyond-bounds": {
    kind: "refused",
    cause:
      "The archive asks for more memory or deeper folders than any real file system needs: see the bounds in docs/format.md.",
    cure: "Use another snapshot. If you trust the archive all the same, extract it with tar by hand.",
  },
  "archive.checksum-mismatch": {
    kind: "integrity",
    cause: "The archive's bytes are not those that its sidecar recorded.",
    cure: "Use another snapshot: the file was changed or damaged after it was written, or its sidecar was.",
  },
  "archive.wrong-extension": {
    kind: "integrity",
    cause: "The archive is compressed in another way than its name says.",
    cure: "Use another snapshot. If you know why, give the file the right extension.",
  },
  "archive.empty": {
    kind: "refused",
    cause: "The archive is whole, but holds no files.",
    cure: "Use another snapshot, or add `--force-empty` to leave the volume empty.",
  },
  "archive.incremental": {
    kind: "refused",
    cause: "The archive is an incremental dump of GNU tar that leaves out files it names.",
    cure: "Extract the full dump and each later one in order, pack the result, and restore that.",
  },
  "archive.multi-volume": {
    kind: "refused",
    cause: "The archive is one of several that `tar --multi-volume` wrote.",
    cure: "Put the parts together with tar, pack the result, and use that.",
  },
  "archive.zstd-dictionary": {
    kind: "refused",
    cause: "The archive was compressed with a zstd dictionary, and cannot be read without it.",
    cure: "Compress it again without the dictionary.",
  },
  "archive.window-too-large": {
    kind: "refused",
    cause: "The archive was compressed with a zstd window that is larger than the free memory.",
    cure: "Compress it again where there is more memory.",
  },
  "archive.no-memory": {
    kind: "refused",
    cause: "There is not enough memory to unpack the archive.",
    cure: "Pack it again with zstd where there is more memory.",
  },
  "archive.no-tool": {
    kind: "refused",
    cause: "The program that unpacks the archive is not on this machine.",
    cure: "Install it, or pack the archive again with zstd where there is one.",
  },
  "archive.dangling-link": {
    kind: "integrity",
    cause: "A hard link in the archive leads to a file that is not in it.",
    cure: "Use another snapshot.",
  },
  "archive.link-outside": {
    kind: "refused",
    cause:
      "A hard link leads out of the folder of the archive that is to become the volume's root.",
    cure: "Take a folder that holds both ends of the link.",
  },
  "archive.path-escapes": {
    kind: "refused",
    cause: "A path in the archive leads out of the folder it is extracted into.",
    cure: "Do not trust the archive. Its other paths can be extracted alone.",
  },
  "archive.path-not-found": {
    kind: "usage",
    cause: "The archive does not hold the path.",
    cure: "See what it holds with `dockform snapshot files`.",
  },
  "archive.path-invalid": {
    kind: "usage",
    cause: "That is not a path inside a volume or an archive.",
    cure: "Give a path as `dockform snapshot files` shows it.",
  },
  "archive.not-a-folder": {
    kind: "usage",
    cause: "The path in the archive is not a folder, and a folder is needed.",
    cure: "See what the archive holds with `dockform snapshot files`.",
  },
  "archive.not-a-regular-file": {
    kind: "usage",
    cause: "The path in the archive is not a regular file, so it has no content to print.",
    cure: "Bring it back with `dockform snapshot extract`.",
  },
  "archive.not-one-folder": {
    kind: "usage",
    cause: "`--strip-components` needs everything in one folder, and the archive has more.",
    cure: "Name the folder that is to be the volume's root with `--from`.",
  },
  "archive.in-one-folder": {
    kind: "refused",
    cause:
      "All of the archive lies in one folder, which may or may not be meant to become the volume's root.",
    cure: "Say which folder is the root with `--from`, or `--from .` for the archive as it is.",
  },
  "sidecar.invalid": {
    kind: "integrity",
    cause: "The file beside the archive, which describes it, cannot be understood.",
    cure: "Restore from another snapshot. To use the data without its description, move the `.json` file away.",
  },
  "sidecar.no-checksum": {
    kind: "integrity",
    cause: "The sidecar has no checksum for the archive.",
    cure: "Use another snapshot. To restore without that check, move the `.json` file away.",
  },
  "sidecar.unwritable": {
    kind: "failed",
    cause: "The sidecar cannot be written; the snapshot is as it was.",
    cure: "Check the owner and mode of the file and its folder.",
  },
  "extract.would-overwrite": {
    kind: "refused",
    cause: "Files of the same names are in the folder already.",
    cure: "Name an empty folder, or move away what is there.",
  },
  "extract.not-a-folder": {
    kind: "refused",
    cause:
      "There is something other than a folder, or a link that another user can change, where a folder has to be.",
    cure: "Extract into an empty folder, and name it without that link.",
  },
  "extract.unwritable": {
    kind: "failed",
    cause: "A file cannot be written. What was extracted so far has been removed.",
    cure: "Fix the cause that the message names, then extract into an empty folder.",
  },
} as const satisfies ErrorEntries;
