import { volumeFreshness, type Freshness } from "../store/freshness.ts";
import type { StoredVolume, VolumeSnapshots } from "../store/store.ts";
import type { ContextPlan } from "./plan.ts";
import type { Workspace } from "./workspace.ts";

/** A declared volume and how it stands with its snapshots. */
export interface DeclaredFreshness extends Freshness {
  readonly context: string;
  readonly volume: string;
}

/** How the declared volumes of all contexts stand with their snapshots. No engine is asked. */
export async function declaredFreshness(
  workspace: Workspace,
  now: Date,
): Promise<readonly DeclaredFreshness[]> {
  const contexts = await workspace.contexts();
  const listed = await workspace.store.list();
  return Promise.all(
    contexts.flatMap(({ name: context, store, volumes, storedNames }) =>
      [...volumes.values()].map(async ({ name, snapshot }) => {
        const own = listedAs(listed, storedNames(name));
        const freshness = await volumeFreshness(name, store, own, snapshot?.every, now);
        return { context, volume: name, ...freshness };
      }),
    ),
  );
}

function listedAs(
  listed: readonly VolumeSnapshots[],
  names: readonly StoredVolume[],
): readonly VolumeSnapshots[] {
  return listed.filter((each) =>
    names.some(({ context, volume }) => each.context === context && each.volume === volume),
  );
}

/** Leaves out what is still to be created: it holds nothing yet that a snapshot could miss. */
export function freshnessOfExisting(
  volumes: readonly DeclaredFreshness[],
  plans: readonly ContextPlan[],
): readonly DeclaredFreshness[] {
  const toCreate = new Set(
    plans.flatMap(({ context, volumes: planned }) =>
      planned.flatMap(({ action, name }) => (action === "create" ? [`${context}/${name}`] : [])),
    ),
  );
  return volumes.filter(
    ({ context, volume, state }) => state !== "missing" || !toCreate.has(`${context}/${volume}`),
  );
}
