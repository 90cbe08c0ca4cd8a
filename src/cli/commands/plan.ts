import {
  declaredFreshness,
  freshnessOfExisting,
  type DeclaredFreshness,
} from "../../app/freshness.ts";
import { planContexts, type PlannedVolume } from "../../app/plan.ts";
import type { VolumeSpec } from "../../manifest/manifest.ts";
import type { RetentionPolicy } from "../../snapshot/retention.ts";
import { checkFreshness } from "../freshness-view.ts";
import { failedToJson, hasResult, summaryOf } from "../failed-context.ts";
import { throwFailures } from "../failures.ts";
import { renderFreshness, renderPlan } from "../plan-view.ts";
import type { ItemOf } from "../documents/documents.ts";
import type { Session } from "../session.ts";
import type { PlanOptions } from "../spec/manifest.ts";

export async function plan(session: Session, { check, store }: PlanOptions): Promise<void> {
  using workspace = await session.openWorkspace({ store });
  const { now, signal } = session.tools;
  const { contexts: plans, failed } = await planContexts(workspace, signal);
  const contexts = await workspace.contexts();
  const { unmanagedSections } = workspace.requireManifest().manifest;
  const all = await declaredFreshness(workspace, now());
  const declared = all.filter(({ context }) => plans.some((each) => each.context === context));
  const freshness = freshnessOfExisting(declared, plans);
  const attention = renderFreshness(freshness, contexts.length > 1, session.paint);
  if (hasResult(contexts, failed)) {
    session.result<"plan">(
      {
        contexts: plans.map(({ context, volumes }) => ({
          context,
          volumes: volumes.map(volumeToJson),
        })),
        unmanaged_sections: unmanagedSections,
        unmanagedSections,
        snapshots: freshness.map(toJson),
        failed_contexts: failedToJson(failed, session),
      },
      [...renderPlan(plans, unmanagedSections, session.paint, { prune: false }), ...attention],
    );
  }
  throwFailures(failed, session, summaryOf(failed, contexts));
  if (check) checkFreshness(freshness, declared);
}

type PlannedInJson = ItemOf<"plan", "contexts">["volumes"][number];

function volumeToJson(planned: PlannedVolume): PlannedInJson {
  const { action, name } = planned;
  return {
    action,
    volume: name,
    name,
    spec: action === "create" ? specToJson(planned.spec) : null,
    remark: action === "keep" ? (planned.remark ?? null) : null,
    differences: action === "drift" ? planned.differences : [],
  };
}

function specToJson(spec: VolumeSpec): PlannedInJson["spec"] {
  const { name, driver, driverOpts, labels, snapshot, declaredBy } = spec;
  return {
    name,
    driver,
    driver_opts: driverOpts,
    driverOpts,
    labels,
    snapshot:
      snapshot === undefined
        ? null
        : {
            every: snapshot.every ?? null,
            keep: snapshot.keep === undefined ? null : rulesToJson(snapshot.keep),
          },
    declared_by: declaredBy,
    declaredBy,
  };
}

function rulesToJson(rules: RetentionPolicy): NonNullable<KeepInJson> {
  return {
    last: rules.last ?? null,
    hourly: rules.hourly ?? null,
    daily: rules.daily ?? null,
    weekly: rules.weekly ?? null,
    monthly: rules.monthly ?? null,
    yearly: rules.yearly ?? null,
    within: rules.within ?? null,
    note: rules.note ?? null,
  };
}

type KeepInJson = NonNullable<NonNullable<PlannedInJson["spec"]>["snapshot"]>["keep"];

function toJson({ context, volume, state, ageMs }: DeclaredFreshness): ItemOf<"plan", "snapshots"> {
  const ageSeconds = ageMs === undefined ? null : Math.floor(ageMs / 1000);
  return { context, volume, state, age_seconds: ageSeconds };
}
