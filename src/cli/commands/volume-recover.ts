import { recoverAll } from "../../app/recover-all.ts";
import type { FailedContext, FailedVolume } from "../../app/several.ts";
import type { Workspace } from "../../app/workspace.ts";
import { describeOperation } from "../../journal/operation.ts";
import { recoverVolume, type RecoveryReport } from "../../restore/recover.ts";
import { containerLine, containerToJson, throwIfDown } from "../container-outcome.ts";
import type { ItemOf } from "../documents/documents.ts";
import { failedToJson, summaryOf } from "../failed-context.ts";
import { failedVolume, throwFailures } from "../failures.ts";
import type { Session } from "../session.ts";
import type { VolumeRecoverOptions } from "../spec/volume.ts";

export async function volumeRecover(
  session: Session,
  reference: string | undefined,
  { store, healthTimeout: healthTimeoutMs }: VolumeRecoverOptions,
): Promise<void> {
  using workspace = await session.openWorkspace({ store });
  const { reports, failures, failed } =
    reference === undefined
      ? await recoverInterrupted(session, workspace, healthTimeoutMs)
      : await recoverNamed(session, workspace, reference, healthTimeoutMs);
  const failureCount = failures.length + failed.length;
  const contexts = reference === undefined ? await workspace.contexts() : [];
  if (reports.length > 0 || failureCount !== 1 || (failed.length > 0 && contexts.length > 1)) {
    const lines =
      reports.length + failureCount === 0 ? ["Nothing was interrupted."] : reports.flatMap(toText);
    session.result<"volume recover">(
      {
        volumes: reports.map(toJson),
        failures: failures.map((failure) => failedVolume(failure, session)),
        failed_contexts: failedToJson(failed, session),
      },
      lines,
    );
  }
  throwFailures([...failures, ...failed], session, summaryOf(failed, contexts));
  for (const { volume, containers } of reports)
    throwIfDown(containers, `volume "${volume}" is whole`);
}

interface Recoveries {
  readonly reports: readonly RecoveryReport[];
  readonly failures: readonly FailedVolume[];
  readonly failed: readonly FailedContext[];
}

async function recoverNamed(
  { tools }: Session,
  workspace: Workspace,
  reference: string,
  healthTimeoutMs: number,
): Promise<Recoveries> {
  const target = await workspace.target(reference);
  const report = await recoverVolume({ target, healthTimeoutMs }, tools);
  return { reports: [report], failures: [], failed: [] };
}

async function recoverInterrupted(
  { log, tools }: Session,
  workspace: Workspace,
  healthTimeoutMs: number,
): Promise<Recoveries> {
  const reports: RecoveryReport[] = [];
  const failures: FailedVolume[] = [];
  const failed: FailedContext[] = [];
  for await (const step of recoverAll(workspace, { healthTimeoutMs }, tools)) {
    if (step.kind === "recovered") reports.push(step.report);
    else if (step.kind === "failed") failures.push(step);
    else if (step.kind === "not asked") failed.push(step);
    else if (step.kind === "since at work") log.info(`Skipped: ${step.error.message}`);
    else {
      const { operation } = step;
      log.info(
        `Skipped: another client is working on volume ${operation.volume}: ${describeOperation(operation)}`,
      );
    }
  }
  return { reports, failures, failed };
}

const OUTCOMES = {
  before: "the contents from before the operation are in place",
  after: "the new contents are in place",
  whole: "its contents are whole",
  nothing: "nothing was interrupted",
  gone: "the volume no longer exists; the records that the engine still had of it were removed",
} as const;

function toText({ context, volume, contents, containers }: RecoveryReport): readonly string[] {
  return [`${context}/${volume}: ${OUTCOMES[contents]}`, ...containers.map(recoveredLine)];
}

/** How long it was down is not known here. */
function recoveredLine(container: RecoveryReport["containers"][number]): string {
  return container.outcome === "started"
    ? `  ${container.name}: runs again`
    : containerLine(container);
}

function toJson(report: RecoveryReport): ItemOf<"volume recover", "volumes"> {
  const { context, volume, contents, containers } = report;
  return { context, volume, contents, containers: containers.map(containerToJson) };
}
