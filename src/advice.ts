/**
 * What a person can do about an error or a warning, where that is a matter of how this program is called. The core
 * says what; a face has the words (src/cli/advice.ts: commands and flags). What is the same for every caller is a hint.
 */
export type Advice =
  /** End what was interrupted in a volume. */
  | { readonly code: "recover"; readonly volume: string; readonly when: RecoverWhen }
  | { readonly code: PlainAdviceCode }
  | { readonly code: VolumeAdviceCode; readonly volume: string }
  | ({ readonly code: SnapshotAdviceCode; readonly archivePath: string } & Declared)
  /** Call it again and allow what was refused. */
  | { readonly code: "go-on"; readonly allow: readonly Allowance[] }
  /** The volume is to be created by the restore. */
  | { readonly code: "create-from-snapshot"; readonly when: "missing" | "otherwise" }
  /** The new contents of some volumes, which were put back, are kept. */
  | { readonly code: "undo-to-new"; readonly volumes: readonly Declared[] }
  | ({ readonly code: "undo-to-old" } & Declared)
  | { readonly code: "choose-context"; readonly contexts: readonly string[] }
  | { readonly code: "choose-snapshot"; readonly names: readonly string[] }
  /** Leave out what the target cannot hold. */
  | { readonly code: "restore-without"; readonly aspects: readonly string[] }
  | { readonly code: "restore-in-place"; readonly why: InPlaceWhy }
  | { readonly code: "choose-origin"; readonly origin: string; readonly volume: string }
  | { readonly code: "choose-root"; readonly volume: string; readonly ways: readonly RootWay[] };

/** A volume, and whether it has to be allowed to work on it. */
export interface Declared {
  readonly volume: string;
  readonly declared: boolean;
}

/** What has to be allowed explicitly. */
export type Allowance =
  | {
      readonly what:
        | "replace contents"
        | "stop containers"
        | "undeclared volume"
        | "discard kept contents";
    }
  | { readonly what: "other origin"; readonly volume: string };

/** What a recovery does there, or what comes before it. */
export type RecoverWhen =
  | "interrupted"
  | "stopped"
  | "unstarted"
  | "retry"
  | "first"
  | "after"
  | "again"
  | "mended"
  | "mended-there";

/** What a restore in place is good for. */
export type InPlaceWhy =
  /** There is no room for old and new contents at once. */
  | "no-room"
  /** The same, where it is not known before the archive was read. */
  | "no-room-after-all"
  /** Something cannot be renamed. */
  | "immovable"
  /** The same, found out by the swap. */
  | "immovable-after-all"
  /** For another restore, of a snapshot. */
  | "another-time";

/** Which folder of an archive is to be the volume's root. */
export type RootWay =
  | { readonly kind: "folder"; readonly folder: string }
  | { readonly kind: "strip"; readonly folder: string; readonly components: number }
  | { readonly kind: "as it is" };

export type PlainAdviceCode =
  | "list-volumes"
  | "name-volumes"
  | "list-what-is-left"
  | "list-files"
  | "path-as-listed"
  | "path-as-listed-or-all"
  | "verify-snapshots"
  | "find-snapshots"
  | "extract-instead"
  | "extract-and-copy"
  | "choose-store"
  | "choose-manifest"
  | "write-manifest"
  | "drop-context"
  | "choose-engine"
  | "allow-insecure"
  | "choose-drill-image"
  | "choose-drill-container"
  | "choose-other-container"
  | "choose-mount-path"
  | "choose-root-folder"
  | "allow-empty"
  | "allow-lost-attributes"
  | "declare-volume"
  | "manifest-or-undeclared"
  | "apply"
  | "create-or-declare"
  | "apply-then-restore"
  | "create-then-restore"
  | "start-then-restore"
  | "replace-contents"
  | "replace-paths"
  | "stop-containers"
  | "keep-nothing"
  | "keep-something"
  | "keep-previous"
  | "keep-failed"
  | "more-health-time"
  | "repeat-when-healthy"
  | "copy-before-recovery"
  | "drop-origin"
  | "keep-no-part"
  | "choose-attributes"
  | "compare-by-volume"
  | "choose-retention"
  | "list-snapshots";

export type VolumeAdviceCode =
  | "take-first-snapshot"
  | "restore-from-elsewhere"
  | "let-go-of-kept"
  | "let-go-or-undo";

export type SnapshotAdviceCode = "restore-snapshot" | "restore-when-possible" | "go-back";
