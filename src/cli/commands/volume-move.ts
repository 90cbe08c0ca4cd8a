import { moveNamed } from "../../app/copy-volume.ts";
import { throwIfDown } from "../container-outcome.ts";
import { copyToJson, copyToText } from "../copy-view.ts";
import type { Session } from "../session.ts";
import type { VolumeMoveOptions } from "../spec/volume-copy.ts";

export async function volumeMove(
  session: Session,
  source: string,
  volume: string,
  { healthTimeout, project, skipConfirmation, ...options }: VolumeMoveOptions,
): Promise<void> {
  using workspace = await session.openWorkspace();
  const confirm = async (): Promise<void> => {
    session.log.info(`Volume ${source} is removed once its copy ${volume} was compared with it.`);
    if (skipConfirmation) return;
    await session.confirm(`Type the volume (${source}) to continue:`, source);
  };
  const healthTimeoutMs = healthTimeout;
  const order = { ...options, source, volume, project, confirm, healthTimeoutMs };
  const report = await moveNamed(workspace, order, session.tools);
  const json = copyToJson(report, { removesSource: true });
  session.result<"volume move">(json, copyToText(report, volume, "Moved", session));
  if (report.plan.refusal !== undefined) throw report.plan.refusal;
  throwIfDown(report.containers, `volume "${report.volume}" was written`);
}
