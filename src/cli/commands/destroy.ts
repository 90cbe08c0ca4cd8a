import { destroyVolumes, volumesToDestroy } from "../../app/destroy.ts";
import type { RemovedVolume } from "../../app/removal.ts";
import type { FailedVolume } from "../../app/several.ts";
import { formatCount } from "../../format.ts";
import type { VolumeTarget } from "../../lock/target.ts";
import { removedLine, removedToJson } from "../removed-volume.ts";
import { failedVolume, throwFailures } from "../failures.ts";
import type { Session } from "../session.ts";
import type { DestroyOptions } from "../spec/manifest.ts";

export async function destroy(session: Session, options: DestroyOptions): Promise<void> {
  using workspace = await session.openWorkspace(options);
  const identifier = workspace.requireIdentifier();
  const targets = await volumesToDestroy(workspace, session.tools.signal);
  if (targets.length === 0) {
    session.result<"destroy">({ removed: [], failures: [] }, [
      `There are no volumes labelled ${identifier}.`,
    ]);
    return;
  }
  const { snapshot } = options;
  const confirm = (): Promise<void> => confirmDestroy(session, options, identifier, targets);
  const removed: RemovedVolume[] = [];
  const failures: FailedVolume[] = [];
  try {
    for await (const each of destroyVolumes(targets, { snapshot, confirm }, session.tools)) {
      session.log.info(removedLine(each, session));
      removed.push(each);
    }
  } catch (error) {
    const at = targets[removed.length];
    // Where nothing was done, the error is all there is to say.
    if (removed.length === 0 || at === undefined) throw error;
    failures.push({ context: at.context, volume: at.volume, error });
  }
  session.result<"destroy">(
    {
      removed: removed.map(removedToJson),
      failures: failures.map((failure) => failedVolume(failure, session)),
    },
    [`Removed ${formatCount(removed.length, "volume")}.`],
  );
  throwFailures(failures, session);
}

async function confirmDestroy(
  session: Session,
  { skipConfirmation, snapshot }: DestroyOptions,
  identifier: string,
  targets: readonly VolumeTarget[],
): Promise<void> {
  const lines = [
    "These volumes will be removed, with everything in them:",
    ...targets.map(({ context, volume }) => `  - ${volume} in context ${context}`),
    snapshot ? "A snapshot of each is written first." : "No snapshot of them is written.",
  ];
  for (const line of lines) {
    if (skipConfirmation) session.log.info(line);
    else session.log.notice(line);
  }
  if (skipConfirmation) return;
  await session.confirm(`Type the identifier (${identifier}) to continue:`, identifier);
}
