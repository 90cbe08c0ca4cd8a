import { listVolumes } from "../../engine/volumes.ts";
import { planVolumes } from "../../reconcile/plan.ts";
import { renderPlan, type ContextPlan } from "../plan-view.ts";
import type { Session } from "../session.ts";
import type { Workspace } from "../workspace.ts";

export async function plan(session: Session): Promise<void> {
  using workspace = await session.openWorkspace();
  const plans = await makePlans(workspace, session.io.signal);
  const { unmanagedSections } = workspace.requireManifest().manifest;
  session.result(
    { contexts: plans, unmanagedSections },
    renderPlan(plans, unmanagedSections, session.paint),
  );
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
