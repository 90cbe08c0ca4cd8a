import type { VolumeTarget } from "../lock/target.ts";
import type { ArchiveInStore } from "../store/store.ts";

/** What is to be started on the restored volume. */
export type DrillSubject =
  /** A copy of a container; of the only one that uses the volume where none is named. */
  | { readonly kind: "container"; readonly name: string | undefined }
  /** An image, whose shell runs a command in place of its own. */
  | {
      readonly kind: "image";
      readonly image: string;
      readonly command: string;
      /** Where the volume is mounted; the image's own volume where that is undefined. */
      readonly mountPath: string | undefined;
    };

export interface DrillRequest extends ArchiveInStore {
  /** The volume that the snapshot is of; it need not exist for a drill with an image. */
  readonly target: VolumeTarget;
  readonly subject: DrillSubject;
  /** How long health, or the command's end, may take. */
  readonly timeoutMs: number;
}
