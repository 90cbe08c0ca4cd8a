import type { FoundOperation } from "../journal/operation.ts";
import { AtWorkError } from "../lock/refusals.ts";
import type { VolumeTarget } from "../lock/target.ts";
import { recoverVolume, type RecoverRequest, type RecoveryReport } from "../restore/recover.ts";
import { volumesToRecover } from "../restore/volumes-to-recover.ts";
import { WRITER_WAIT_MS } from "../restore/await-writer.ts";
import { stopwatch } from "../stopwatch.ts";
import type { Tools } from "../tools.ts";
import { inEachContext, type FailedContext, type FailedVolume } from "./several.ts";
import { targetIn, type Workspace } from "./workspace.ts";

/** What was found of one volume, or done on it. */
export type RecoveryStep =
  /** A client reads it, so there is nothing to recover. */
  | { readonly kind: "at work"; readonly operation: FoundOperation["operation"] }
  /** A client works on it, still or since the engine was asked what is to be recovered. */
  | { readonly kind: "since at work"; readonly error: AtWorkError }
  | { readonly kind: "recovered"; readonly report: RecoveryReport }
  | ({ readonly kind: "failed" } & FailedVolume)
  /** What is to be recovered there is not known. */
  | ({ readonly kind: "not asked" } & FailedContext);

/**
 * Brings to its end what was cut short on any volume of the workspace's engines. A failure on one volume
 * stops none of the others, and neither does an engine that cannot be asked.
 */
export async function* recoverAll(
  workspace: Workspace,
  options: Omit<RecoverRequest, "target">,
  tools: Tools,
): AsyncGenerator<RecoveryStep> {
  const targets: VolumeTarget[] = [];
  const writtenTo: VolumeTarget[] = [];
  const { reports, failed } = await inEachContext(await workspace.contexts(), async (context) => ({
    context,
    ...(await volumesToRecover(context.engine, tools.signal)),
  }));
  for (const each of failed) yield { kind: "not asked", ...each };
  for (const { context, volumes, written, alive } of reports) {
    for (const { operation } of alive) yield { kind: "at work", operation };
    targets.push(...volumes.map((volume) => targetIn(context, volume)));
    writtenTo.push(...written.map((volume) => targetIn(context, volume)));
  }
  for (const target of targets) yield await recoverOne({ target, ...options }, tools);
  // All are waited for at the same time.
  const clock = stopwatch();
  for (const target of writtenTo) {
    const waitMs = Math.max(0, WRITER_WAIT_MS - clock.total());
    yield await recoverOne({ target, ...options, waitMs }, tools);
  }
}

async function recoverOne(request: RecoverRequest, tools: Tools): Promise<RecoveryStep> {
  const { target } = request;
  try {
    return { kind: "recovered", report: await recoverVolume(request, tools) };
  } catch (error) {
    return error instanceof AtWorkError
      ? { kind: "since at work", error }
      : { kind: "failed", context: target.context, volume: target.volume, error };
  }
}
