import { dirname, join } from "node:path";
import { DockformError } from "../../errors.ts";
import { archiveExtension, sidecarFormat, sidecarPath } from "../../snapshot/name.ts";
import type { Sidecar } from "../../snapshot/sidecar.ts";
import type {
  ArchiveInStore,
  BeginOptions,
  DescribedSnapshot,
  NotASnapshot,
  PendingSnapshot,
  Store,
  StoredArchive,
  StoredSnapshot,
  StoredVolume,
  StoreRoom,
  VolumeSnapshots,
} from "../store.ts";
import { ArchiveFile } from "./archive-file.ts";
import { describeSnapshot } from "./describe.ts";
import { freeBytes } from "./disk.ts";
import { identifyFile } from "./identify.ts";
import { listFolder, listRoot } from "./list.ts";
import { PendingInFolder } from "./pending.ts";
import { removeSnapshot } from "./remove.ts";
import { amendSidecarFile } from "./sidecar-file.ts";

/**
 * Snapshots as files below a folder, in two layouts: `<root>/<volume>/` and `<root>/<context>/<volume>/`
 * (docs/format.md). Any archive with an absolute path can be opened, and its sidecar amended.
 */
export class FolderStore implements Store {
  /** An absolute path. */
  readonly title: string;

  constructor(root: string) {
    this.title = root;
  }

  list(): Promise<readonly VolumeSnapshots[]> {
    return listRoot(this.title);
  }

  async snapshotsOf(volume: StoredVolume): Promise<readonly StoredSnapshot[]> {
    return isFolderName(volume) ? listFolder(this.placeOnThisMachine(volume)) : [];
  }

  identify(archivePath: string): Promise<StoredSnapshot | NotASnapshot> {
    return identifyFile(archivePath);
  }

  async describe(snapshot: StoredSnapshot): Promise<DescribedSnapshot> {
    return describeSnapshot(snapshot);
  }

  open(archivePath: string): Promise<StoredArchive> {
    return ArchiveFile.open(archivePath, sidecarOf(archivePath));
  }

  async begin({ context, volume, ...options }: BeginOptions): Promise<PendingSnapshot> {
    const place = { context, volume };
    if (!isFolderName(place)) {
      throw new DockformError(
        "store.unwritable",
        `no folder can be named ${JSON.stringify(volume)}`,
        {
          hint: "No snapshot was written.",
        },
      );
    }
    return await PendingInFolder.begin(this.placeOnThisMachine(place), options);
  }

  async amend(archivePath: string, fields: Partial<Sidecar>): Promise<Sidecar> {
    const path = sidecarOf(archivePath);
    if (path !== undefined) return await amendSidecarFile(path, fields);
    throw new DockformError("sidecar.unwritable", `${archivePath} cannot have a sidecar`);
  }

  remove(snapshot: StoredSnapshot): Promise<void> {
    return removeSnapshot(snapshot);
  }

  async room(context: string | undefined): Promise<StoreRoom> {
    const where = context === undefined ? this.title : join(this.title, context);
    return { freeBytes: await freeBytes(where), where };
  }

  placeOnThisMachine({ context, volume }: StoredVolume): string {
    return join(this.title, context ?? "", volume);
  }
}

/** An archive that is named by its own absolute path. */
export function archiveAt(archivePath: string): ArchiveInStore {
  return { store: new FolderStore(dirname(archivePath)), archivePath };
}

/** Engines allow no such names, but what names a volume here may be anything. */
function isFolderName({ context, volume }: StoredVolume): boolean {
  return [context ?? "-", volume].every((name) => !/^\.{0,2}$|[/\0]/.test(name));
}

/** Where the sidecar of an archive is, if there is one. */
function sidecarOf(archivePath: string): string | undefined {
  const extension = archiveExtension(archivePath);
  if (extension === undefined || sidecarFormat(extension) === undefined) return undefined;
  return sidecarPath(archivePath, extension);
}
