import { resolve } from "node:path";
import { DockformError } from "../errors.ts";
import { isPattern, nearestToPattern, volumePattern } from "./volume-pattern.ts";
import { parseVolumeReference } from "../manifest/reference.ts";
import { nearest } from "../nearest.ts";
import type { Log } from "../log.ts";
import { parseSnapshotReference, pickSnapshot, type PassedOver } from "../snapshot/pick.ts";
import { archiveAt } from "../store/folder/folder-store.ts";
import { whyPassedOver } from "../store/newest.ts";
import {
  newestFirst,
  volumeTitle,
  type ArchiveInStore,
  type Store,
  type StoredSnapshot,
  type VolumeSnapshots,
} from "../store/store.ts";

/** A snapshot that somebody named. */
export interface FoundSnapshot extends ArchiveInStore {
  /** `undefined` for one that was named by its path. */
  readonly stored: StoredSnapshot | undefined;
  /** The volume it is listed under, or the one that was named beside it. */
  readonly volume: string | undefined;
}

export interface CatalogOptions {
  readonly store: Store;
  /** Where the path of a snapshot starts from. */
  readonly cwd: string;
  /** Only the snapshots of this context, where a name could mean those of several. */
  readonly context: string | undefined;
  readonly log: Pick<Log, "warn">;
}

/** The snapshots of a store, listed once it is needed; no engine is asked. */
export class Catalog {
  readonly store: Store;
  readonly #cwd: string;
  readonly #context: string | undefined;
  readonly #log: Pick<Log, "warn">;
  #volumes: Promise<readonly VolumeSnapshots[]> | undefined;

  constructor({ store, cwd, context, log }: CatalogOptions) {
    this.store = store;
    this.#cwd = cwd;
    this.#context = context;
    this.#log = log;
  }

  /**
   * The snapshots of all volumes, or of `[context/]volume` alone, which may be a pattern.
   *
   * @throws DockformError `failed` when a folder cannot be read, `usage` where there are none of those that are meant.
   */
  async volumes(reference?: string): Promise<readonly VolumeSnapshots[]> {
    if (reference !== undefined) {
      return isPattern(reference) ? this.#described(reference) : [await this.volume(reference)];
    }
    this.#volumes ??= this.store.list();
    return this.#volumes;
  }

  async #described(pattern: string): Promise<readonly VolumeSnapshots[]> {
    const all = await this.volumes();
    const matches = volumePattern(pattern);
    const found = all.filter(
      (listed) =>
        matches(listed) &&
        (this.#context === undefined ||
          listed.context === undefined ||
          listed.context === this.#context),
    );
    if (found.length === 0) throw this.#noSnapshots(pattern, all);
    return found;
  }

  /** What to say where there is no snapshot at all, and something was to be done with all of them. */
  empty(): DockformError {
    return new DockformError("store.empty", `there are no snapshots in ${this.store.title}`, {
      hint: "Nothing was done.",
      advice: [{ code: "choose-store" }],
    });
  }

  /**
   * The snapshots of `[context/]volume`, in whichever layout they are.
   *
   * @throws DockformError `usage` when there are none, or those of several contexts.
   */
  async volume(reference: string): Promise<VolumeSnapshots> {
    const parsed = parseVolumeReference(reference);
    const context = parsed.context ?? this.#context;
    const volumes = await this.volumes();
    const found = volumes.filter(
      (listed) =>
        listed.volume === parsed.volume &&
        (context === undefined || listed.context === undefined || listed.context === context),
    );
    const contexts = new Set(found.flatMap((listed) => listed.context ?? []));
    if (contexts.size > 1) throw ambiguous(parsed.volume, [...contexts]);
    if (found.length === 0) throw this.#noSnapshots(reference, volumes);
    return {
      context: [...contexts][0],
      volume: parsed.volume,
      snapshots: newestFirst(found.flatMap(({ snapshots }) => snapshots)),
      leftovers: found.flatMap(({ leftovers }) => leftovers),
    };
  }

  /**
   * The snapshot that a reference names. With `volume`, it alone says which of that volume's. Of damaged ones that
   * `latest` passes over it is warned.
   *
   * @throws DockformError `usage`, with what there is.
   */
  async find(text: string, volume?: string): Promise<FoundSnapshot> {
    const reference = parseSnapshotReference(text, volume !== undefined);
    if (reference.kind === "path") {
      const archive = archiveAt(resolve(this.#cwd, reference.path));
      return { ...archive, stored: undefined, volume };
    }
    const named = inTheSameContext(reference.volume, volume);
    if (named === undefined) {
      throw new DockformError(
        "snapshot.no-volume-named",
        `"${text}" does not say of which volume`,
        {
          hint: "Write it as volume@latest, volume@2026-11-23, or give a path.",
        },
      );
    }
    const { volume: folder, snapshots } = await this.volume(named);
    const { store } = this;
    const stored = await pickSnapshot(snapshots, reference.which, named, (snapshot) =>
      this.#passOver(snapshot, folder),
    );
    return { store, archivePath: stored.archivePath, stored, volume: named };
  }

  async #passOver(snapshot: StoredSnapshot, volume: string): Promise<PassedOver | undefined> {
    const described = await this.store.describe(snapshot);
    const why = whyPassedOver(described, volume);
    if (why === "damaged") {
      this.#log.warn(`skipped ${snapshot.archivePath}: ${described.problem}`);
    }
    return why;
  }

  #noSnapshots(reference: string, volumes: readonly VolumeSnapshots[]): DockformError {
    const names = volumes.map((listed) => volumeTitle(listed));
    const meant = isPattern(reference)
      ? nearestToPattern(
          reference,
          volumes.map(({ volume }) => volume),
        )
      : nearestIn(volumes, reference);
    const isEmpty = names.length === 0;
    return new DockformError(
      "snapshot.not-found",
      `there is no snapshot of ${reference}${meant === undefined ? "" : `; did you mean ${meant}?`}`,
      {
        hint: isEmpty
          ? `There are no snapshots in ${this.store.title}.`
          : `There are snapshots of ${names.join(", ")}.`,
        advice: isEmpty ? [{ code: "choose-store" }] : [],
        data: { candidates: names },
      },
    );
  }
}

/** As it is listed; a name without a context may mean a volume of any. */
function nearestIn(volumes: readonly VolumeSnapshots[], reference: string): string | undefined {
  const titles = new Map(volumes.map((listed) => [listed.volume, volumeTitle(listed)]));
  const meant = nearest(reference, [...titles.values(), ...titles.keys()]);
  return meant === undefined ? undefined : (titles.get(meant) ?? meant);
}

/** A volume that is named once more beside the snapshot is the one that was named with its context. */
function inTheSameContext(
  named: string | undefined,
  volume: string | undefined,
): string | undefined {
  const isNamedAgain = named !== undefined && volume?.endsWith(`/${named}`) === true;
  return isNamedAgain ? volume : (named ?? volume);
}

function ambiguous(volume: string, contexts: readonly string[]): DockformError {
  const candidates = contexts.map((context) => `${context}/${volume}`);
  return new DockformError("reference.ambiguous", `several contexts have snapshots of ${volume}`, {
    hint: `Say which is meant: ${candidates.join(", ")}.`,
    data: { candidates },
  });
}
