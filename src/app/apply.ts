import { createVolume } from "../engine/volumes.ts";
import type { VolumeTarget } from "../lock/target.ts";
import type { VolumeSpec } from "../manifest/manifest.ts";
import type { Tools } from "../tools.ts";
import { labelsFor } from "./identifier.ts";
import { planContexts, type ContextPlan } from "./plan.ts";
import { refuseRemoval, removeVolume, type RemovedVolume } from "./removal.ts";
import type { FailedContext } from "./several.ts";
import { targetIn, type Workspace } from "./workspace.ts";

/** A volume that is declared and does not exist. */
interface Creation {
  readonly target: VolumeTarget;
  readonly spec: VolumeSpec;
}

/** What an apply does. */
export interface ApplyPlan {
  readonly contexts: readonly ContextPlan[];
  readonly toCreate: readonly Creation[];
  /** They carry the manifest's label and are no longer declared; none where they are not to be removed. */
  readonly toRemove: readonly VolumeTarget[];
  /** Whose engine could not be asked; nothing is done there. */
  readonly failed: readonly FailedContext[];
}

/** What an apply has done. */
export type ApplyStep =
  | { readonly kind: "created"; readonly context: string; readonly volume: string }
  | ({ readonly kind: "removed" } & RemovedVolume);

/**
 * Plans what leads to the declared volumes, and changes nothing. An engine that cannot be asked stops none of the others,
 * unless volumes are to be removed.
 */
export async function planApply(
  workspace: Workspace,
  { prune }: { readonly prune: boolean },
  signal: AbortSignal,
): Promise<ApplyPlan> {
  const identifier = workspace.requireIdentifier();
  const { contexts: plans, failed } = await planContexts(workspace, signal);
  // Who removes wants to see all that goes.
  if (prune && failed[0] !== undefined) throw failed[0].error;
  const contexts = await workspace.contexts();
  const planned = contexts.flatMap((context) =>
    (plans.find((plan) => plan.context === context.name)?.volumes ?? []).map((each) => ({
      ...each,
      target: targetIn(context, each.name),
    })),
  );
  return {
    contexts: plans,
    failed,
    toCreate: planned.flatMap((each) =>
      each.action === "create"
        ? { target: each.target, spec: { ...each.spec, labels: labelsFor(each.spec, identifier) } }
        : [],
    ),
    toRemove: planned.flatMap(({ action, target }) => (prune && action === "orphan" ? target : [])),
  };
}

/** Each volume that is removed is read into a snapshot first. Rules of retention may match its note, so it stays as it is. */
const PRUNING = { note: "before apply --prune" };

/**
 * Does what was planned, and yields each step once it is done.
 *
 * @param confirm called when nothing refuses, before the first side effect; what it throws ends the apply.
 * @throws DockformError `refused` when a volume cannot be removed; nothing was done then.
 */
export async function* applyPlan(
  { toCreate, toRemove }: ApplyPlan,
  confirm: () => Promise<void>,
  tools: Tools,
): AsyncGenerator<ApplyStep> {
  await refuseRemoval(toRemove, PRUNING, tools);
  await confirm();
  for (const { target, spec } of toCreate) {
    const { name, driver, driverOpts, labels } = spec;
    await createVolume(target.engine, { name, driver, driverOpts, labels }, tools.signal);
    yield { kind: "created", context: target.context, volume: target.volume };
  }
  for (const target of toRemove) {
    yield { kind: "removed", ...(await removeVolume(target, PRUNING, tools)) };
  }
}
