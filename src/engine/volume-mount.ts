import { DockformError } from "../errors.ts";

/** Which volume is to be mounted, and how. */
export interface MountRequest {
  readonly volume: string;
  readonly readOnly: boolean;
}

/** A mount in a container's definition. */
export type VolumeMount = Readonly<Record<string, unknown>>;

/** The volume was removed since it was looked up. */
export class VolumeGoneError extends DockformError {
  constructor(volume: string) {
    super("volume.removed-meanwhile", `volume "${volume}" was removed in the meantime`, {
      hint: "Nothing was touched.",
      advice: [{ code: "list-volumes" }],
    });
  }
}
