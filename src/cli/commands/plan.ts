import {
  declaredFreshness,
  freshnessOfExisting,
  type DeclaredFreshness,
} from "../../app/freshness.ts";
import { planContexts } from "../../app/plan.ts";
import { checkFreshness } from "../freshness-view.ts";
import { renderFreshness, renderPlan } from "../plan-view.ts";
import type { ItemOf } from "../documents/documents.ts";
import type { Session } from "../session.ts";
import type { PlanOptions } from "../spec/manifest.ts";

export async function plan(session: Session, { check, store }: PlanOptions): Promise<void> {
  using workspace = await session.openWorkspace({ store });
  const { now, signal } = session.tools;
  const plans = await planContexts(workspace, signal);
  const { unmanagedSections } = workspace.requireManifest().manifest;
  const declared = await declaredFreshness(workspace, now());
  const freshness = freshnessOfExisting(declared, plans);
  const attention = renderFreshness(freshness, plans.length > 1, session.paint);
  session.result<"plan">({ contexts: plans, unmanagedSections, snapshots: freshness.map(toJson) }, [
    ...renderPlan(plans, unmanagedSections, session.paint, { prune: false }),
    ...attention,
  ]);
  if (check) checkFreshness(freshness, declared);
}

function toJson({ context, volume, state, ageMs }: DeclaredFreshness): ItemOf<"plan", "snapshots"> {
  const ageSeconds = ageMs === undefined ? null : Math.floor(ageMs / 1000);
  return { context, volume, state, age_seconds: ageSeconds };
}
