import { discardKeptContents } from "../../app/discard-kept.ts";
import { formatDuration } from "../../format.ts";
import { undoVolume } from "../../restore/undo.ts";
import { undoCommand } from "../advice.ts";
import { containerLine, containerToJson, throwIfDown } from "../container-outcome.ts";
import type { Session } from "../session.ts";
import type { VolumeUndoOptions } from "../spec/volume.ts";

export async function volumeUndo(
  session: Session,
  reference: string,
  options: VolumeUndoOptions,
): Promise<void> {
  if (options.discard) return discard(session, reference, options);
  using workspace = await session.openWorkspace();
  const target = await workspace.target(reference);
  const { healthTimeout: healthTimeoutMs, undeclared, stopContainers } = options;
  const request = { target, undeclared, stopContainers, healthTimeoutMs };
  const { context, volume, returned, containers, durations } = await undoVolume(
    request,
    session.tools,
  );
  const text = [
    `Put back what ${context}/${volume} held until ${session.timeText(returned.kept_at)}, ${formatDuration(durations.totalMs)}`,
    ...containers.map(containerLine),
    "The contents it replaced are kept. To switch back to them:",
    `  ${session.call.onTheSame(undoCommand({ ...target, volume: reference }))}`,
  ];
  session.result<"volume undo">(
    {
      context,
      volume,
      returned,
      containers: containers.map(containerToJson),
      durations: { swap_ms: durations.swapMs, total_ms: durations.totalMs },
    },
    text,
  );
  throwIfDown(containers, `volume "${volume}" has its former contents again`);
}

async function discard(
  session: Session,
  reference: string,
  { undeclared, skipConfirmation }: VolumeUndoOptions,
): Promise<void> {
  using workspace = await session.openWorkspace();
  const target = await workspace.target(reference);
  const { context, volume } = target;
  const confirm = async (): Promise<void> => {
    if (skipConfirmation) return;
    const question = `What volume ${volume} keeps is removed for good. Type yes to continue:`;
    await session.confirm(question, "yes");
  };
  const kept = await discardKeptContents({ target, undeclared, confirm }, session.tools);
  session.result<"volume undo --discard">({ context, volume, discarded: kept }, [
    `Removed what ${context}/${volume} kept since ${session.timeText(kept.kept_at)}.`,
  ]);
}
