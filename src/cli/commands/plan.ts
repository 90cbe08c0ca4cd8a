import { listVolumes } from "../../engine/volumes.ts";
import { planVolumes } from "../../app/plan.ts";
import { checkFreshness, declaredFreshness, type DeclaredFreshness } from "../freshness-view.ts";
import { renderFreshness, renderPlan, type ContextPlan } from "../plan-view.ts";
import type { Session } from "../session.ts";
import type { PlanOptions } from "../spec/manifest.ts";
import type { Workspace } from "../../app/workspace.ts";

export async function plan(session: Session, { check }: PlanOptions): Promise<void> {
  using workspace = await session.openWorkspace();
  const plans = await makePlans(workspace, session.io.signal);
  const { unmanagedSections } = workspace.requireManifest().manifest;
  const freshness = await freshnessOfExisting(workspace, plans, session.io.now());
  const attention = renderFreshness(freshness, plans.length > 1, session.paint);
  session.result(
    { contexts: plans, unmanagedSections, snapshots: freshness.map(toJson) },
    [renderPlan(plans, unmanagedSections, session.paint, { prune: false }), ...attention].join(
      "\n",
    ),
  );
  if (check) checkFreshness(freshness);
}

/** A volume that is still to be created has nothing that a snapshot could hold. */
async function freshnessOfExisting(
  workspace: Workspace,
  plans: readonly ContextPlan[],
  now: Date,
): Promise<readonly DeclaredFreshness[]> {
  const contexts = await workspace.contexts();
  const all = await Promise.all(contexts.map((context) => declaredFreshness(context, now)));
  const created = new Set(
    plans.flatMap(({ context, volumes }) =>
      volumes.flatMap(({ action, name }) => (action === "create" ? [`${context}/${name}`] : [])),
    ),
  );
  return all
    .flat()
    .filter(
      ({ context, volume, state }) => state !== "missing" || !created.has(`${context}/${volume}`),
    );
}

function toJson({ context, volume, state, ageMs }: DeclaredFreshness): unknown {
  const ageSeconds = ageMs === undefined ? null : Math.floor(ageMs / 1000);
  return { context, volume, state, age_seconds: ageSeconds };
}

/** What is to be done in each context, in the order of the manifest. */
export async function makePlans(
  workspace: Workspace,
  signal: AbortSignal,
): Promise<readonly ContextPlan[]> {
  const identifier = workspace.requireIdentifier();
  const contexts = await workspace.contexts();
  const everywhere = workspace.requireManifest().manifest.contexts;
  const anyDeclared = new Set(everywhere.flatMap((each) => [...each.volumes.keys()]));
  return Promise.all(
    contexts.map(async ({ name, engine, volumes }) => ({
      context: name,
      volumes: planVolumes(volumes, await listVolumes(engine, signal), identifier, anyDeclared),
    })),
  );
}
