import type { Interval } from "../snapshot/duration.ts";
import type { RetentionPolicy } from "../snapshot/retention.ts";

/** The file names a manifest is looked for under, in order. */
export const MANIFEST_FILE_NAMES: readonly string[] = [
  "dockform.yml",
  "dockform.yaml",
  "Dockform.yml",
  "Dockform.yaml",
];

/** What the manifest wants of a volume's snapshots. */
export interface SnapshotPolicy {
  /** How old the newest may get; `never` for a volume that needs none. */
  readonly every?: Interval | "never";
  readonly keep?: RetentionPolicy;
}

/** A volume as the manifest declares it. */
export interface VolumeSpec {
  readonly name: string;
  readonly driver: string;
  readonly driverOpts: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly snapshot?: SnapshotPolicy;
  /** `"fileset"` when only a fileset's `target_volume` names it. */
  readonly declaredBy: "volumes" | "fileset";
}

/** A Docker engine and the volumes declared for it. */
export interface ManifestContext {
  /** The Docker context's name; undefined leaves the choice to the environment. */
  readonly name: string | undefined;
  /** The engine's address, in place of what the Docker context of that name says. */
  readonly host: string | undefined;
  readonly volumes: ReadonlyMap<string, VolumeSpec>;
}

/** A manifest that passed every check. */
export interface Manifest {
  /** The name the manifest was read under, for messages. */
  readonly file: string;
  readonly identifier: string | undefined;
  /** Whether it is written in the `contexts:` form, even with a single context. */
  readonly severalContexts: boolean;
  /** Never empty. */
  readonly contexts: readonly ManifestContext[];
  /** The folder of all snapshots, as it is written: relative to the manifest's. */
  readonly store: string | undefined;
  readonly helperImage: string | undefined;
  /** What helper containers may do beyond what all of them may, e.g. `SYS_ADMIN`. */
  readonly helperCapabilities: readonly string[];
  /** Sections that are declared but belong to other tools, in the order of the file. */
  readonly unmanagedSections: readonly string[];
}

/** Something the person should know although the manifest is valid. */
export interface ManifestWarning {
  readonly message: string;
  readonly line: number;
  readonly column: number;
}
