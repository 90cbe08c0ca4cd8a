import { listSurely } from "../workload/list-surely.ts";
import type { listContainers } from "../engine/containers.ts";
import { listVolumes, volumeSizes, type EngineVolume } from "../engine/volumes.ts";
import { interruptionIn, ofVolume, readJournal } from "../journal/operation.ts";
import { findAside } from "../lock/aside.ts";
import { findLeftovers } from "../lock/leftover.ts";
import { findKept, type KeptContents } from "../restore/kept.ts";
import { newestSnapshot } from "../store/newest.ts";
import type { StoredSnapshot } from "../store/store.ts";
import type { Tools } from "../tools.ts";
import { usersAmong } from "../workload/users.ts";
import { inEachContext, type FailedContext } from "./several.ts";
import type { Workspace, WorkspaceContext } from "./workspace.ts";

/** A volume that is declared, or that an engine has. */
export interface ListedVolume {
  readonly context: string;
  readonly volume: string;
  readonly declared: boolean;
  readonly exists: boolean;
  /** `undefined` where the engine does not know it. */
  readonly sizeBytes: number | undefined;
  readonly containers: readonly { readonly name: string; readonly state: string }[];
  readonly newestSnapshot: StoredSnapshot | undefined;
  /** What `volume undo` would put back. */
  readonly kept: KeptContents | undefined;
  /** What could not be removed from it. */
  readonly leftovers: Awaited<ReturnType<typeof findLeftovers>>;
  /** What others wrote during a swap: one path in each folder of it. */
  readonly setAside: readonly string[];
  readonly interrupted: boolean;
}

export interface Inventory {
  /** In the manifest's order of contexts, and by name. */
  readonly volumes: readonly ListedVolume[];
  /** Of their volumes nothing is known. */
  readonly failed: readonly FailedContext[];
}

/** The volumes of all contexts. */
export async function inventory(workspace: Workspace, tools: Tools): Promise<Inventory> {
  const contexts = await workspace.contexts();
  const { reports, failed } = await inEachContext(contexts, (each) => listContext(each, tools));
  return { volumes: reports.flat(), failed };
}

async function listContext(
  context: WorkspaceContext,
  tools: Tools,
): Promise<readonly ListedVolume[]> {
  const { signal } = tools;
  const [existing, sizes, containers] = await Promise.all([
    listVolumes(context.engine, signal),
    volumeSizes(context.engine, signal),
    listSurely(context.engine, signal),
  ]);
  const journal = readJournal(containers);
  const looking = { engine: context.engine, containers, tools };
  const [kept, leftovers, aside] = await Promise.all([
    findKept(looking, existing),
    findLeftovers(looking, existing),
    findAside(looking, existing),
  ]);
  const byName = new Map(existing.map((volume) => [volume.name, volume]));
  const names = [...new Set([...context.volumes.keys(), ...byName.keys()])].toSorted();
  return Promise.all(
    names.map(async (name): Promise<ListedVolume> => {
      const volume = byName.get(name);
      return {
        context: context.name,
        volume: name,
        declared: context.volumes.has(name),
        exists: volume !== undefined,
        sizeBytes: sizes.get(name),
        containers: containersOf(volume, containers),
        newestSnapshot: await newestSnapshot(context.store, context.storedNames(name), name),
        kept: kept.get(name),
        leftovers: leftovers.filter(({ volume: { name: of } }) => of === name),
        setAside: aside.get(name) ?? [],
        interrupted: interruptionIn(ofVolume(journal, name)) !== undefined,
      };
    }),
  );
}

function containersOf(
  volume: EngineVolume | undefined,
  containers: Awaited<ReturnType<typeof listContainers>>,
): ListedVolume["containers"] {
  if (volume === undefined) return [];
  return usersAmong(containers, volume).map(({ container: { name, state } }) => ({ name, state }));
}
