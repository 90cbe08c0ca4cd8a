import { DockformError, messageOf } from "../../errors.ts";
import { describeOperation } from "../../journal/operation.ts";
import { AtWorkError } from "../../lock/lock.ts";
import { recoverVolume, type RecoveryReport } from "../../restore/recover.ts";
import { volumesToRecover } from "../../restore/volumes-to-recover.ts";
import type { VolumeTarget } from "../../lock/target.ts";
import { containerLine, containerToJson, throwIfDown } from "../container-outcome.ts";
import type { Session } from "../session.ts";
import type { VolumeRecoverOptions } from "../spec/volume.ts";
import { targetIn } from "../../app/workspace.ts";

export async function volumeRecover(
  session: Session,
  reference: string | undefined,
  { healthTimeout: healthTimeoutMs }: VolumeRecoverOptions,
): Promise<void> {
  using workspace = await session.openWorkspace();
  const targets =
    reference === undefined
      ? await interruptedVolumes(session, await workspace.contexts())
      : [await workspace.target(reference)];
  const reports: RecoveryReport[] = [];
  const failures: unknown[] = [];
  for (const target of targets) {
    try {
      reports.push(await recoverVolume({ target, healthTimeoutMs }, session.tools));
    } catch (error) {
      // Begun since the engine was asked what is to be recovered.
      const leftAlone = reference === undefined && error instanceof AtWorkError;
      if (leftAlone) session.log.info(`Left alone: ${error.message}`);
      else failures.push(error);
    }
  }
  if (reports.length > 0 || failures.length === 0) {
    const text = reports.map(toText).join("\n") || "Nothing was interrupted.";
    session.result({ volumes: reports.map(toJson) }, text);
  }
  throwFirst(session, failures);
  for (const { volume, containers } of reports)
    throwIfDown(containers, `volume "${volume}" is whole`);
}

async function interruptedVolumes(
  session: Session,
  contexts: readonly Parameters<typeof targetIn>[0][],
): Promise<readonly VolumeTarget[]> {
  const targets: VolumeTarget[] = [];
  for (const context of contexts) {
    const { volumes, alive } = await volumesToRecover(context.engine, session.io.signal);
    for (const { operation } of alive) {
      session.log.info(
        `Left alone, for it is at work: volume ${operation.volume}, ${describeOperation(operation)}`,
      );
    }
    targets.push(...volumes.map((volume) => targetIn(context, volume)));
  }
  return targets;
}

function throwFirst(session: Session, [first, ...others]: readonly unknown[]): void {
  if (first === undefined) return;
  for (const failure of others) {
    if (failure instanceof DockformError) session.log.error(failure);
    else session.log.warn(messageOf(failure));
  }
  throw first;
}

const OUTCOMES = {
  before: "the contents from before the operation are in place",
  after: "the new contents are in place",
  whole: "its contents are whole",
  nothing: "nothing was interrupted",
  gone: "the volume is gone; what the engine still recorded of it is removed",
} as const;

function toText({ context, volume, contents, containers }: RecoveryReport): string {
  return [`${context}/${volume}: ${OUTCOMES[contents]}`, ...containers.map(recoveredLine)].join(
    "\n",
  );
}

/** How long it was down is not known here. */
function recoveredLine(container: RecoveryReport["containers"][number]): string {
  return container.outcome === "started"
    ? `  ${container.name}: runs again`
    : containerLine(container);
}

function toJson(report: RecoveryReport): Readonly<Record<string, unknown>> {
  const { context, volume, contents, containers } = report;
  return { context, volume, contents, containers: containers.map(containerToJson) };
}
