/** What clients do to a volume, by their own code. */
import type { Phase } from "../../src/events.ts";
import { Archive, countedContents, type ArchiveContents } from "../../src/archive/archive.ts";
import { LENIENT } from "../../src/restore/without.ts";
import { inspectVolume, type EngineVolume } from "../../src/engine/volumes.ts";
import { LockedVolume } from "../../src/lock/lock.ts";
import type { WritingName } from "../../src/journal/operation.ts";
import type { ExtractOptions } from "../../src/restore/extraction.ts";
import { ReplacementBeside, type KeepOptions } from "../../src/restore/beside.ts";
import { ReplacementInPlace } from "../../src/restore/in-place.ts";
import { aboutNow } from "../../src/restore/kept.ts";
import { replaceTogether } from "../../src/restore/replace.ts";
import type { WorkloadOptions } from "../../src/restore/request.ts";
import { expectCounted } from "../../src/restore/expected.ts";
import { recoverVolume } from "../../src/restore/recover.ts";
import { StagedContents } from "../../src/restore/staging.ts";
import { discardKept, undoVolume } from "../../src/restore/undo.ts";
import { asideFolder } from "../../src/snapshot/reserved.ts";
import { storedChecksum } from "../../src/snapshot/sidecar.ts";
import type { ArchiveInStore } from "../../src/store/store.ts";
import { PATHS } from "./contents.ts";
import type { Client, Workplace } from "./workplace.ts";

/** For how long a container may take to be well; its health check knows at once. */
const HEALTH_TIMEOUT_MS = 60_000;

/** A client at work on a workplace's volume. */
export interface Scene extends Client {
  readonly workplace: Pick<Workplace, "makeReadyFor">;
  /** The snapshot of the new contents. */
  readonly snapshot: ArchiveInStore;
}

export interface Story {
  /**
   * The volume to begin with: `ready` has new contents extracted, `keeping` keeps something, `posing` has a folder of an
   * application's that is named like ours.
   */
  readonly from: "old" | "ready" | "keeping" | "keeping-ready" | "posing";
  readonly play: (scene: Scene) => Promise<unknown>;
  /** Whether the container that uses the volume is unhealthy on whatever it is started. */
  readonly isUnhealthy?: boolean;
  /** Whether the old contents are cleared away before the new ones are in the volume. */
  readonly clears?: boolean;
  /** Up to this phase another story is the same, and its steps are done there. */
  readonly partsAt?: Phase;
  /** What the volume may hold in the end, wherever it was cut short; the last when it was not. */
  readonly ends: readonly string[];
}

/** Of the folder in `posing`. */
export const POSING_ID = "0123456789ab";

export const STORIES: Readonly<Record<string, Story>> = {
  "a restore that keeps in place of what was kept": {
    from: "keeping-ready",
    play: (scene) => restoreReady(scene, { ...KEEP_NOTHING, keepReplaced: about(scene) }),
    ends: ["old, keeps kept", "new, keeps old"],
  },
  "a restore beside what is kept": {
    from: "keeping-ready",
    play: (scene) => restoreReady(scene, KEEP_NOTHING),
    ends: ["old, keeps kept", "new, keeps kept"],
  },
  "an undo": {
    from: "keeping",
    play: undo,
    ends: ["old, keeps kept", "kept, keeps old"],
  },
  "a restore that goes back and keeps what failed": {
    from: "ready",
    play: (scene) => restoreReady(scene, { ...KEEP_NOTHING, keepFailed: about(scene) }),
    isUnhealthy: true,
    ends: ["old", "new", "old, keeps new"],
  },
  "a restore that is given up": {
    from: "ready",
    play: (scene) =>
      locked(scene, "restore", async (lock) => {
        await scene.workplace.makeReadyFor(lock.stagingId);
        await StagedContents.of(lock, lock.stagingId, scene.tools).discard();
      }),
    ends: ["old"],
  },
  "an extraction": {
    from: "old",
    play: (scene) =>
      locked(scene, "restore", async (lock) => {
        await (await extract(lock, scene)).discard();
      }),
    ends: ["old"],
  },
  "an undo that is given up": {
    from: "keeping",
    play: (scene) =>
      locked(scene, "undo", async (lock) => {
        await (await StagedContents.takeKept(lock, scene.tools)).discard();
      }),
    ends: ["old, keeps kept"],
  },
  "an undo that goes back": {
    from: "keeping",
    play: undo,
    isUnhealthy: true,
    ends: ["kept, keeps old", "old, keeps kept"],
  },
  "a restore of some paths": {
    from: "old",
    play: restorePaths,
    ends: ["old", "patched"],
  },
  "a restore of some paths that goes back": {
    from: "old",
    play: restorePaths,
    isUnhealthy: true,
    ends: ["patched", "old"],
  },
  "a restore in place": {
    from: "old",
    play: restoreInPlace,
    clears: true,
    ends: ["old", "new"],
  },
  "a restore in place that goes back": {
    from: "old",
    play: restoreInPlace,
    isUnhealthy: true,
    clears: true,
    partsAt: "start",
    ends: ["new", "old"],
  },
  "a folder that is only named like ours": {
    from: "posing",
    play: ({ target, tools }) => recoverVolume({ target, healthTimeoutMs: 0 }, tools),
    ends: [`old, left ${asideFolder(POSING_ID)}`],
  },
  "what is kept, given up": {
    from: "keeping",
    play: async (scene) => discardKept(scene.target, await volumeOf(scene), scene.tools),
    ends: ["old, keeps kept", "old"],
  },
};

/** Extracts an archive beside what the volume holds. */
export async function extract(
  lock: LockedVolume,
  scene: Pick<Scene, "tools" | "snapshot">,
  paths?: readonly string[],
): Promise<StagedContents> {
  const { archive, contents } = await opened(scene);
  await using _ = archive;
  return await StagedContents.extract(
    lock,
    archive,
    expectCounted(archive, contents),
    extractOptions(paths),
    scene.tools,
  );
}

/** Does something with the lock in hand. */
export async function locked<T>(
  scene: Client,
  name: WritingName,
  act: (lock: LockedVolume) => Promise<T>,
): Promise<T> {
  const volume = await volumeOf(scene);
  await using lock = await LockedVolume.lock(scene.target, volume, name, scene.tools);
  return await act(lock);
}

async function volumeOf({ target }: Client): Promise<EngineVolume> {
  const volume = await inspectVolume(target.engine, target.volume);
  if (volume === undefined) throw new Error("there is no volume");
  return volume;
}

/** Puts in place what was extracted beforehand. */
function restoreReady(scene: Scene, keep: KeepOptions): Promise<unknown> {
  return locked(scene, "restore", async (lock) => {
    const { tools, workplace } = scene;
    await workplace.makeReadyFor(lock.stagingId);
    const staged = StagedContents.of(lock, lock.stagingId, tools);
    await replaceTogether([new ReplacementBeside(lock, staged, keep, tools)], WORKLOAD, tools);
  });
}

function restorePaths(scene: Scene): Promise<unknown> {
  return locked(scene, "restore", async (lock) => {
    const staged = await extract(lock, scene, PATHS);
    const replacement = new ReplacementBeside(lock, staged, KEEP_NOTHING, scene.tools);
    await replaceTogether([replacement], WORKLOAD, scene.tools);
  });
}

function restoreInPlace(scene: Scene): Promise<unknown> {
  return locked(scene, "restore", async (lock) => {
    const { archive, contents } = await opened(scene);
    await using _ = archive;
    const what = [archive, contents, extractOptions()] as const;
    const replacement = await ReplacementInPlace.prepare(lock, ...what, scene.tools);
    await replaceTogether([replacement], WORKLOAD, scene.tools);
  });
}

function undo({ target, tools }: Scene): Promise<unknown> {
  return undoVolume({ target, undeclared: true, ...WORKLOAD }, tools);
}

const WORKLOAD: WorkloadOptions = { stopContainers: true, healthTimeoutMs: HEALTH_TIMEOUT_MS };
const KEEP_NOTHING: KeepOptions = { keepReplaced: undefined, keepFailed: undefined };

function about({ tools }: Client): ReturnType<typeof aboutNow> {
  return aboutNow("a snapshot", tools);
}

function extractOptions(paths?: readonly string[]): ExtractOptions {
  return { verify: false, paths, ...LENIENT };
}

async function opened({ snapshot }: Pick<Scene, "snapshot">): Promise<{
  readonly archive: Archive;
  readonly contents: ArchiveContents;
}> {
  const archive = await Archive.open(snapshot);
  const sidecar = await archive.sidecar();
  const contents =
    sidecar && countedContents(sidecar, storedChecksum(sidecar, archive.format) ?? "");
  if (contents === undefined) throw new Error("the snapshot does not say what is in it");
  return { archive, contents };
}
