import type { ErrorEntries } from "./entry.ts";

/** Snapshots, and the folders that they are stored in. */
export const SNAPSHOT_ERRORS = {
  "snapshot.none": {
    kind: "usage",
    cause: "The volume has no snapshot.",
    cure: "Take one with `dockform volume snapshot`.",
  },
  "snapshot.not-found": {
    kind: "usage",
    cause: "The volume has no such snapshot.",
    cure: "Choose one of those that `dockform snapshot list` shows.",
  },
  "snapshot.ambiguous": {
    kind: "usage",
    cause: "Several snapshots begin with that time.",
    cure: "Write more of the time.",
  },
  "snapshot.bad-selector": {
    kind: "usage",
    cause: "What follows the `@` does not say which snapshot is meant.",
    cure: "Write `latest`, `latest~1`, a time like `2026-11-23T02:15` or the beginning of one.",
  },
  "snapshot.unspecified": {
    kind: "usage",
    cause: "A volume was named, but not which of its snapshots.",
    cure: "Write it as `volume@latest` or `volume@2026-11-23`, or give a path.",
  },
  "snapshot.no-volume-named": {
    kind: "usage",
    cause: "It is not said which volume is meant.",
    cure: "Write it as `volume@latest` or `volume@2026-11-23`.",
  },
  "snapshot.not-a-snapshot": {
    kind: "usage",
    cause: "The file is not named like a snapshot, or is not one.",
    cure: "Give the path of a snapshot's data file.",
  },
  "snapshot.inside-volume": {
    kind: "refused",
    cause: "The snapshot lies inside the volume that is to be changed.",
    cure: "Copy it to another place first, and keep snapshots there.",
  },
  "snapshot.still-needed": {
    kind: "refused",
    cause:
      "The snapshot is what `volume restore --in-place` saved of the old contents, and that restore has not finished.",
    cure: "Run `dockform volume recover`, then remove the snapshot.",
  },
  "snapshot.stale": {
    kind: "stale",
    cause:
      "A declared volume has no good snapshot that is as fresh as the manifest demands, or a damaged one.",
    cure: "Take one with `dockform volume snapshot`. A volume that needs none says `snapshot: { every: never }`.",
  },
  "snapshot.damaged": {
    kind: "integrity",
    cause: "At least one of the snapshots that were verified is damaged.",
    cure: "Take new ones, and check the disk they are on.",
  },
  "snapshot.unverified": {
    kind: "failed",
    cause: "At least one of the snapshots could not be verified; none was found damaged.",
    cure: "See the message of each.",
  },
  "snapshot.not-reproduced": {
    kind: "integrity",
    cause: "Restored into a throw-away volume, the snapshot was not restored exactly.",
    cure: "Check whether the volume driver keeps owners, attributes and times.",
  },
  "store.empty": {
    kind: "usage",
    cause: "There is no snapshot where snapshots were looked for, so there was nothing to do.",
    cure: "Run it in the folder of the manifest, or name the store with `--store`.",
  },
  "store.unreadable": {
    kind: "failed",
    cause: "The folder of the snapshots cannot be read.",
    cure: "Check its owner and mode.",
  },
  "store.unwritable": {
    kind: "failed",
    cause: "A file cannot be written in the folder of the snapshots.",
    cure: "Check its owner, its mode and its disk, or name another folder with `--store`.",
  },
  "store.full": {
    kind: "failed",
    cause: "The disk of the snapshots is full. No snapshot was written.",
    cure: "Make room there, or name another folder with `--store`.",
  },
  "store.not-removed": {
    kind: "failed",
    cause: "A snapshot's file cannot be removed.",
    cure: "Check the owner and mode of its folder. `dockform snapshot list` shows what is left.",
  },
} as const satisfies ErrorEntries;
