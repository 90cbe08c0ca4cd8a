import type * as v from "valibot";
import { doctorDocument, errorDocument, versionDocument } from "./diagnostic.ts";
import {
  applyDocument,
  destroyDocument,
  initDocument,
  planDocument,
  validateDocument,
} from "./manifest.ts";
import { nightlyDocument } from "./nightly.ts";
import {
  snapshotDiffDocument,
  snapshotDrillDocument,
  snapshotExtractDocument,
  snapshotFilesDocument,
  snapshotListDocument,
  snapshotPruneDocument,
  snapshotRemoveDocument,
  snapshotShowDocument,
  snapshotStatusDocument,
  snapshotVerifyDocument,
} from "./snapshot.ts";
import {
  volumeListDocument,
  volumeRecoverDocument,
  volumeCopyDocument,
  volumeRestoreDocument,
  volumeSnapshotDocument,
  volumeUndoDiscardDocument,
  volumeUndoDocument,
} from "./volume.ts";

/**
 * What each command prints under `--json`, by the words that call it. Documents are API: fields may be added, and none
 * is renamed or removed. docs/json.md and dockform-output.schema.json are made of this.
 *
 * Only types are imported from here by the program: nothing of it is read when a command starts.
 */
export const DOCUMENTS = {
  init: initDocument,
  validate: validateDocument,
  plan: planDocument,
  apply: applyDocument,
  destroy: destroyDocument,
  "volume list": volumeListDocument,
  "volume snapshot": volumeSnapshotDocument,
  "volume restore": volumeRestoreDocument,
  "volume copy": volumeCopyDocument,
  "volume move": volumeCopyDocument,
  "volume undo": volumeUndoDocument,
  "volume undo --discard": volumeUndoDiscardDocument,
  "volume recover": volumeRecoverDocument,
  "snapshot list": snapshotListDocument,
  "snapshot show": snapshotShowDocument,
  "snapshot files": snapshotFilesDocument,
  "snapshot extract": snapshotExtractDocument,
  "snapshot diff": snapshotDiffDocument,
  "snapshot verify": snapshotVerifyDocument,
  "snapshot remove": snapshotRemoveDocument,
  "snapshot prune": snapshotPruneDocument,
  "snapshot status": snapshotStatusDocument,
  "snapshot drill": snapshotDrillDocument,
  nightly: nightlyDocument,
  doctor: doctorDocument,
  version: versionDocument,
  error: errorDocument,
};

export type DocumentName = keyof typeof DOCUMENTS;

/** A command's document, as the command makes it. */
export type DocumentOf<Name extends DocumentName> = Unchanging<
  v.InferOutput<(typeof DOCUMENTS)[Name]>
>;

/** One of the things that a document lists under a field. */
export type ItemOf<
  Name extends DocumentName,
  Field extends keyof DocumentOf<Name>,
> = DocumentOf<Name>[Field] extends readonly (infer Item)[] ? Item : never;

type Unchanging<Value> = unknown extends Value
  ? Value
  : { readonly [Key in keyof Value]: Unchanging<Value[Key]> };
