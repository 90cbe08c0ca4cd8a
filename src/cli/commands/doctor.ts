import { diagnose, type Finding } from "../../app/diagnosis.ts";
import { DockformError, messageOf, type ErrorCode } from "../../errors.ts";
import { formatBytes, formatCount } from "../../format.ts";
import { describeOperation } from "../../journal/operation.ts";
import { asideAdvice, asideText } from "../../lock/aside.ts";
import { leftoverHint } from "../../lock/leftover.ts";
import { adviceLines, adviceText } from "../advice.ts";
import { checkFreshness, freshnessRemark } from "../freshness-view.ts";
import { laidOut } from "../output/layout.ts";
import { tableRows } from "../output/table.ts";
import type { ItemOf } from "../documents/documents.ts";
import type { Call } from "../call.ts";
import type { Session } from "../session.ts";
import type { DoctorOptions } from "../spec/diagnostic.ts";

export async function doctor(session: Session, options: DoctorOptions): Promise<void> {
  const open = (): ReturnType<Session["openWorkspace"]> => session.openWorkspace(options);
  const { findings, freshness } = await diagnose(open, session.tools);
  session.result<"doctor">(
    { checks: findings.map((each) => toJson(each, session.call)) },
    toText(findings, session),
  );
  throwIfFailed(findings);
  if (options.check) checkFreshness(freshness);
}

/** @throws DockformError with the code, and with it the exit code, of what failed first. */
function throwIfFailed(findings: readonly Finding[]): void {
  const failed = findings.filter(({ status }) => status === "failed");
  const [first] = failed;
  if (first === undefined) return;
  throw new DockformError(failureCode(first), `${formatCount(failed.length, "check")} failed`, {
    hint: "Follow the advice above, then run `dockform doctor` again.",
  });
}

function failureCode(failed: Finding): ErrorCode {
  if (failed.kind === "interrupted") return "doctor.interrupted-operation";
  const isKnown = failed.kind === "cannot check" && failed.error instanceof DockformError;
  return isKnown ? failed.error.code : "doctor.failed";
}

/** What is said of a finding. */
interface Words {
  readonly check: string;
  readonly found: string;
  /** What to do about it, where there is something to do. */
  readonly advice?: string | undefined;
}

function words(finding: Finding, call: Call): Words {
  if (finding.kind === "cannot check") {
    const { check, error } = finding;
    const advice = error instanceof DockformError ? adviceText(error, call) : undefined;
    return { check, found: messageOf(error), advice };
  }
  const { advice, ...what } = plainWords(finding);
  return { ...what, advice: advice === undefined ? undefined : call.onTheSame(advice) };
}

function plainWords(finding: Exclude<Finding, Kind<"cannot check">>): Words {
  switch (finding.kind) {
    case "manifest":
      return { check: "manifest", found: `${finding.path} is valid` };
    case "no manifest":
      return {
        check: "manifest",
        found: "none in this folder",
        advice: "Run `dockform init` to write one.",
      };
    case "snapshots":
    case "snapshots wanted":
      return freshnessWords(finding);
    case "space":
      return {
        check: "space",
        found: spaceText(finding),
        advice:
          finding.status === "ok"
            ? undefined
            : "Remove old snapshots, or name another folder with --store.",
      };
    case "context":
    case "engine":
    case "API version":
    case "helper image":
      return engineWords(finding);
    case "volume gone":
    case "interrupted":
    case "not begun":
    case "trial left":
    case "not removed":
    case "set aside":
      return remnantWords(finding);
  }
}

function spaceText({ title, room }: Kind<"space">): string {
  return room === undefined
    ? `not limited in ${title}`
    : `${formatBytes(room.freeBytes)} free for snapshots in ${room.where}`;
}

type Kind<Name extends Finding["kind"]> = Extract<Finding, { kind: Name }>;

function engineWords(finding: Kind<"context" | "engine" | "API version" | "helper image">): Words {
  switch (finding.kind) {
    case "context":
      return { check: `context ${finding.context}`, found: finding.host };
    case "engine": {
      const { serverVersion, operatingSystem, architecture } = finding.info;
      return { check: "engine", found: `${serverVersion} on ${operatingSystem} ${architecture}` };
    }
    case "API version":
      return { check: "API version", found: finding.apiVersion };
    case "helper image": {
      const { image } = finding;
      const found =
        image === undefined
          ? "none yet; the first snapshot or restore prepares one"
          : `${image.reference}, ${image.origin}`;
      return { check: "helper image", found };
    }
  }
}

/** What earlier operations left. */
function remnantWords(
  finding: Kind<
    "volume gone" | "interrupted" | "not begun" | "trial left" | "not removed" | "set aside"
  >,
): Words {
  switch (finding.kind) {
    case "volume gone":
      return {
        check: `volume ${finding.volume}`,
        found: "the volume no longer exists, and the engine still has records of it",
        advice: recoverAdvice(finding.volume),
      };
    case "interrupted":
      return {
        check: `volume ${finding.volume}`,
        found: "an operation was interrupted",
        advice: recoverAdvice(finding.volume),
      };
    case "not begun": {
      const { operation } = finding;
      return {
        check: `volume ${operation.volume}`,
        found: `${describeOperation(operation)}, is about to begin, or its client died`,
        advice: `If it does not begin: ${recoverAdvice(operation.volume)}`,
      };
    }
    case "trial left":
      return {
        check: `trial restore ${finding.trial.id}`,
        found: `an interrupted drill of a snapshot of ${finding.trial.of} left a volume behind`,
        advice: "The next `dockform snapshot drill` removes it.",
      };
    case "not removed": {
      const { volume, leftover } = finding;
      return {
        check: `volume ${volume.name}`,
        found: `the folder ${leftover.folder} could not be removed: ${leftover.cause}`,
        advice: `${leftoverHint(volume, leftover)}. Then run \`dockform volume recover ${volume.name}\`.`,
      };
    }
    case "set aside": {
      const { volume, path } = finding;
      return {
        check: `volume ${volume}`,
        found: asideText(volume, path),
        advice: asideAdvice(volume),
      };
    }
  }
}

function recoverAdvice(volume: string): string {
  return `Run \`dockform volume recover ${volume}\`.`;
}

function freshnessWords(finding: Kind<"snapshots" | "snapshots wanted">): Words {
  if (finding.kind === "snapshots") {
    const { freshCount, declaredCount } = finding;
    const found = `${freshCount} of ${formatCount(declaredCount, "declared volume")} ${declaredCount === 1 ? "has" : "have"} a recent snapshot or ${declaredCount === 1 ? "needs" : "need"} none`;
    return { check: "snapshots", found };
  }
  const { context, volume } = finding.freshness;
  return {
    check: `snapshots of ${volume}`,
    found: freshnessRemark(finding.freshness),
    advice: `Run \`dockform volume snapshot ${context}/${volume}\`. If it needs none, put \`snapshot: { every: never }\` in the manifest.`,
  };
}

function toJson(finding: Finding, call: Call): ItemOf<"doctor", "checks"> {
  const { check, found, advice } = words(finding, call);
  return { check, status: finding.status, found, advice: advice ?? null };
}

/** Problems of a manifest are a line each, with the place that is meant. */
function foundLines(finding: Finding, call: Call): readonly string[] {
  const isError = finding.kind === "cannot check" && finding.error instanceof DockformError;
  return isError ? finding.error.lines : [words(finding, call).found];
}

const ADVICE_INDENT = " ".repeat("warning  ".length);

function toText(
  findings: readonly Finding[],
  { paint, columns, call }: Session,
): readonly string[] {
  const colours = { ok: "green", warning: "yellow", failed: "red" } as const;
  const found = findings.map((finding) => foundLines(finding, call));
  const rows = findings.flatMap((finding, i) =>
    (found[i] ?? []).map((line, at) =>
      at === 0
        ? [paint(colours[finding.status], finding.status), words(finding, call).check, line]
        : ["", "", line],
    ),
  );
  const shown = [...tableRows(rows, { columns, names: [1], wraps: true })];
  return findings.flatMap((finding, i) => [
    ...shown.splice(0, found[i]?.length).flat(),
    ...laidOut(
      adviceOf(finding, call).map((line) => `${ADVICE_INDENT}${line}`),
      columns,
      0,
    ),
  ]);
}

function adviceOf(finding: Finding, call: Call): readonly string[] {
  const isError = finding.kind === "cannot check" && finding.error instanceof DockformError;
  if (isError) return adviceLines(finding.error, call);
  const { advice } = words(finding, call);
  return advice === undefined ? [] : [advice];
}
