import { applyPlan, planApply, type ApplyPlan } from "../../app/apply.ts";
import type { RemovedVolume } from "../../app/removal.ts";
import type { FailedVolume } from "../../app/several.ts";
import { formatCount } from "../../format.ts";
import { isInteractive } from "../io.ts";
import { failedToJson, summaryOf } from "../failed-context.ts";
import { renderPlan } from "../plan-view.ts";
import { removedLine, removedToJson } from "../removed-volume.ts";
import { failedVolume, throwFailures } from "../failures.ts";
import type { Session } from "../session.ts";
import type { ApplyOptions } from "../spec/manifest.ts";

export async function apply(session: Session, options: ApplyOptions): Promise<void> {
  using workspace = await session.openWorkspace(options);
  const { log, paint, tools } = session;
  const plan = await planApply(workspace, options, tools.signal);
  const question = questionFor(session, options, plan);
  const { unmanagedSections } = workspace.requireManifest().manifest;
  for (const line of renderPlan(plan.contexts, unmanagedSections, paint, options)) {
    if (question === undefined) log.info(line);
    else log.notice(line);
  }
  const { failed } = plan;
  const contexts = await workspace.contexts();
  if (plan.contexts.length === 0) throwFailures(failed, session, summaryOf(failed, contexts));
  const created: { readonly context: string; readonly volume: string }[] = [];
  const removed: RemovedVolume[] = [];
  const failures: FailedVolume[] = [];
  try {
    for await (const step of applyPlan(
      plan,
      async () => {
        if (question !== undefined) await session.confirm(question, "yes");
      },
      tools,
    )) {
      if (step.kind === "created") {
        const { context, volume } = step;
        log.info(`Created volume ${volume}`);
        created.push({ context, volume });
      } else {
        log.info(removedLine(step, session));
        removed.push(step);
      }
    }
  } catch (error) {
    const done = created.length + removed.length;
    const at = [...plan.toCreate.map(({ target }) => target), ...plan.toRemove][done];
    // Where nothing was done, the error is all there is to say.
    if (done === 0 || at === undefined) throw error;
    failures.push({ context: at.context, volume: at.volume, error });
  }
  session.result<"apply">(
    {
      created,
      removed: removed.map(removedToJson),
      failures: failures.map((failure) => failedVolume(failure, session)),
      failed_contexts: failedToJson(failed, session),
    },
    [`Created ${formatCount(created.length, "volume")}, removed ${removed.length}.`],
  );
  throwFailures([...failures, ...failed], session, summaryOf(failed, contexts));
}

/** What is to be confirmed; `undefined` where nothing is. */
function questionFor(
  { io }: Session,
  { skipConfirmation }: ApplyOptions,
  { toCreate, toRemove }: ApplyPlan,
): string | undefined {
  if (skipConfirmation) return undefined;
  if (toRemove.length > 0) {
    const names = toRemove.map(({ volume }) => volume).join(", ");
    return `A snapshot of ${names} is written, then ${toRemove.length === 1 ? "it is" : "they are"} removed. Type yes to continue:`;
  }
  return toCreate.length > 0 && isInteractive(io) ? "Type yes to apply this plan:" : undefined;
}
