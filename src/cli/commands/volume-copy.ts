import { copyNamed } from "../../app/copy-volume.ts";
import { throwIfDown } from "../container-outcome.ts";
import { copyToJson, copyToText } from "../copy-view.ts";
import type { Session } from "../session.ts";
import type { VolumeCopyOptions } from "../spec/volume-copy.ts";

export async function volumeCopy(
  session: Session,
  source: string,
  volume: string,
  { healthTimeout, project, ...options }: VolumeCopyOptions,
): Promise<void> {
  using workspace = await session.openWorkspace();
  const order = { ...options, source, volume, project, healthTimeoutMs: healthTimeout };
  const report = await copyNamed(workspace, order, session.tools);
  const json = copyToJson(report, { removesSource: false });
  session.result<"volume copy">(json, copyToText(report, volume, "Copied", session));
  if (report.plan.refusal !== undefined) throw report.plan.refusal;
  throwIfDown(report.containers, `volume "${report.volume}" was written`);
}
