import {
  nightly as doNightly,
  removedBy,
  type Night,
  type NightlyPruning,
  type NightlySnapshot,
} from "../../app/nightly.ts";
import { throwFirst } from "../../app/several.ts";
import { formatTime } from "../../format.ts";
import { copyReasonDocument } from "../copy-reason.ts";
import type { DocumentOf, ItemOf } from "../documents/documents.ts";
import { asDockformError } from "../failures.ts";
import { freshnessDocument, freshnessError } from "../freshness-view.ts";
import { nightlyText } from "../nightly-view.ts";
import { tellRepeated } from "../repeated-warnings.ts";
import { errorDocument, type Session } from "../session.ts";
import type { NightlyOptions } from "../spec/nightly.ts";

export async function nightly(session: Session, { dryRun, store }: NightlyOptions): Promise<void> {
  using workspace = await session.openWorkspace({ store });
  const night = await doNightly(workspace, { dryRun }, session.tools);
  session.result<"nightly">(toJson(night, dryRun, session), nightlyText(night, dryRun, session));
  tellRepeated(
    night.snapshots.flatMap((each) => ("report" in each ? [each.report] : [])),
    session.log,
  );
  if (dryRun) return;
  throwFirst(failuresOf(night), session.log);
}

/** What failed, in the order in which it was done; that volumes want attention is the last of it. */
function failuresOf({ snapshots, pruning, freshness }: Night): readonly unknown[] {
  return [
    ...snapshots.flatMap((each) => (each.outcome === "failed" ? [each.error] : [])),
    ...pruning.flatMap(({ failures }) => failures.map(({ error }) => error)),
    ...[freshnessError(freshness)].flatMap((error) => error ?? []),
  ];
}

function toJson(night: Night, dryRun: boolean, session: Session): DocumentOf<"nightly"> {
  return {
    dry_run: dryRun,
    checked_at: formatTime(session.io.now()),
    snapshots: night.snapshots.map((each) => snapshotToJson(each, session)),
    pruned: night.pruning.map((each) => prunedToJson(each, session)),
    volumes: night.freshness.map(freshnessDocument),
  };
}

function snapshotToJson(
  snapshot: NightlySnapshot,
  session: Session,
): ItemOf<"nightly", "snapshots"> {
  const { context, volume } = snapshot.before;
  const report = "report" in snapshot ? snapshot.report : undefined;
  return {
    context,
    volume,
    outcome: snapshot.outcome,
    archive: report?.archivePath ?? null,
    stored_bytes: report?.sidecar.stored_bytes ?? null,
    copied_because: copyReasonDocument(report?.why),
    warnings: [...(report?.sidecar.warnings ?? [])],
    error: snapshot.outcome === "failed" ? errorOf(snapshot.error, session) : null,
  };
}

function prunedToJson(pruning: NightlyPruning, session: Session): ItemOf<"nightly", "pruned"> {
  const going = removedBy(pruning);
  const [failure] = pruning.failures;
  return {
    context: pruning.context ?? null,
    volume: pruning.volume,
    has_policy: pruning.hasRules,
    held_back: pruning.heldBack ?? null,
    removed: going.map(({ archivePath }) => archivePath),
    removed_bytes: going.reduce((sum, { storedBytes }) => sum + storedBytes, 0),
    error: failure === undefined ? null : errorOf(failure.error, session),
  };
}

function errorOf(thrown: unknown, session: Session): DocumentOf<"error">["error"] {
  return errorDocument(asDockformError(thrown), session.call).error;
}
