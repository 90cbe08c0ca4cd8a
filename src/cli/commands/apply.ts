import { formatCount } from "../../format.ts";
import {
  createDeclared,
  refuseKeptContents,
  refuseUsedVolumes,
  snapshotAndRemove,
} from "../../app/apply.ts";
import type { PlannedVolume } from "../../app/plan.ts";
import type { VolumeTarget } from "../../lock/target.ts";
import { confirmByTyping } from "../confirm.ts";
import { isInteractive } from "../io.ts";
import { renderPlan } from "../plan-view.ts";
import type { Session } from "../session.ts";
import type { ApplyOptions } from "../spec/manifest.ts";
import { targetIn } from "../../app/workspace.ts";
import { makePlans } from "./plan.ts";

/** A step of an apply: a volume with the context it is in. */
interface Step<Action extends PlannedVolume["action"]> {
  readonly target: VolumeTarget;
  readonly planned: Extract<PlannedVolume, { action: Action }>;
}

export async function apply(session: Session, options: ApplyOptions): Promise<void> {
  using workspace = await session.openWorkspace();
  const identifier = workspace.requireIdentifier();
  const { unmanagedSections } = workspace.requireManifest().manifest;
  const plans = await makePlans(workspace, session.io.signal);
  const contexts = await workspace.contexts();
  const steps = contexts.flatMap((context, i) =>
    (plans[i]?.volumes ?? []).map((planned) => ({
      target: targetIn(context, planned.name),
      planned,
    })),
  );
  const toCreate = steps.filter((step): step is Step<"create"> => step.planned.action === "create");
  const orphans = steps.filter((step): step is Step<"orphan"> => step.planned.action === "orphan");
  const toRemove = options.prune ? orphans : [];

  session.log.info(renderPlan(plans, unmanagedSections, session.paint, options));
  const removable = toRemove.map(({ target }) => target);
  await refuseUsedVolumes(removable, session.io.signal);
  await refuseKeptContents(removable, session.tools);
  await confirm(session, options, toCreate.length, toRemove);
  for (const { target, planned } of toCreate) {
    await createDeclared(target, planned, identifier, session.io.signal);
    session.log.info(`Created volume ${target.volume}`);
  }
  const removed = await prune(session, toRemove);
  session.result(
    { created: toCreate.map(({ target }) => nameOf(target)), removed },
    `Created ${formatCount(toCreate.length, "volume")}, removed ${removed.length}.`,
  );
}

async function confirm(
  { io }: Session,
  { skipConfirmation }: ApplyOptions,
  createCount: number,
  toRemove: readonly Step<"orphan">[],
): Promise<void> {
  if (skipConfirmation) return;
  if (toRemove.length > 0) {
    const names = toRemove.map(({ target }) => target.volume).join(", ");
    const question = `A snapshot of ${names} is written, then ${toRemove.length === 1 ? "it is" : "they are"} removed. Type yes to go on:`;
    await confirmByTyping(io, question, "yes");
  } else if (createCount > 0 && isInteractive(io)) {
    await confirmByTyping(io, "Type yes to apply this plan:", "yes");
  }
}

async function prune(
  session: Session,
  steps: readonly Step<"orphan">[],
): Promise<readonly { readonly volume: string; readonly snapshot: string }[]> {
  const removed = [];
  for (const { target } of steps) {
    const snapshot = await snapshotAndRemove(target, "before apply --prune", session.tools);
    session.log.info(
      `Removed volume ${target.volume}; its snapshot is ${session.displayPath(snapshot)}`,
    );
    removed.push({ ...nameOf(target), snapshot });
  }
  return removed;
}

function nameOf({ context, volume }: VolumeTarget): { context: string; volume: string } {
  return { context, volume };
}
