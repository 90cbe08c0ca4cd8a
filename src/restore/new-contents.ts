import type { ArchiveContents } from "../archive/archive.ts";
import type { ArchiveSource } from "../archive/source.ts";
import type { Room } from "../archive/survey.ts";
import type { EngineVolume } from "../engine/volumes.ts";
import type { VolumeTarget } from "../lock/target.ts";
import type { VolumeShape } from "../snapshot/spec-hash.ts";
import type { ByteText } from "../tar/header.ts";
import type { Tools } from "../tools.ts";
import type { ExpectedContents } from "./expected.ts";
import type { Refusals } from "./refusals.ts";

/** Where a volume's new contents come from. */
export interface NewContents {
  /** For people, and for what is kept: a snapshot's path, or what else it is. */
  readonly title: string;

  /**
   * Opens it, and makes the refusals for which neither all of it nor the volume has to be read.
   *
   * @param volume `undefined` for one that is to be created.
   * @param refusals collects those that can be allowed.
   */
  open(
    target: VolumeTarget,
    volume: EngineVolume | undefined,
    refusals: Refusals,
    tools: Tools,
  ): Promise<OpenContents>;
}

/** New contents that were opened, and stay what they are. */
export interface OpenContents extends AsyncDisposable {
  /**
   * As the volume is to be created where it does not exist.
   *
   * @throws DockformError `refused`.
   */
  shape(target: VolumeTarget): VolumeShape;

  /**
   * Checks all that can be checked before they are extracted.
   *
   * @param room asked only where it matters.
   * @throws DockformError `integrity`, `usage`, `refused`.
   */
  check(room: () => Promise<Room>): Promise<CheckedContents>;
}

/** New contents that were checked as far as they can be. */
export interface CheckedContents {
  readonly source: ArchiveSource;
  /** `undefined` where only the end of the stream tells. */
  readonly contents: ArchiveContents | undefined;
  readonly expected: ExpectedContents;
  /** Whether `source` is what a store holds, which no helper has read yet. */
  readonly isAsStored: boolean;
  /** The only ones that are restored; without them everything is. */
  readonly paths: readonly ByteText[] | undefined;
}
