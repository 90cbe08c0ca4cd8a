import { DockformError } from "../../errors.ts";
import { formatBytes, formatCount } from "../../format.ts";
import type { ArchiveInStore, Leftover } from "../../store/store.ts";
import { verifySnapshot, type Verification } from "../../archive/verify.ts";
import { displayText } from "../../tar/path.ts";
import { compareRestored } from "../../drill/verify-deep.ts";
import type { Session } from "../session.ts";
import type { SnapshotVerifyOptions } from "../spec/snapshot.ts";
import { snapshotTarget } from "../../app/snapshot-target.ts";
import type { Workspace } from "../../app/workspace.ts";
import type { Catalog } from "../../app/catalog.ts";

interface Outcome {
  readonly archivePath: string;
  readonly verification: Verification | undefined;
  readonly error: DockformError | undefined;
}

/** One after the other: each reads as fast as the disk and a processor can. */
export async function snapshotVerify(
  session: Session,
  reference: string | undefined,
  options: SnapshotVerifyOptions,
): Promise<void> {
  using workspace = await session.openWorkspace(options.store);
  const catalog = workspace.catalog();
  const snapshots = await chosen(catalog, reference, options.all);
  const outcomes: Outcome[] = [];
  for (const snapshot of snapshots) {
    outcomes.push(await verify(snapshot, session, options.deep ? workspace : undefined));
  }
  const failures = outcomes.flatMap(({ error }) => error ?? []);
  const [only] = failures;
  if (!options.all && only !== undefined) throw only;
  session.result(
    { snapshots: outcomes.map(toJson) },
    [...outcomes.map((outcome) => toText(outcome, session)), ...totals(outcomes)].join("\n"),
  );
  if (failures.length > 0) throw someFailed(failures, outcomes.length);
}

async function chosen(
  catalog: Catalog,
  reference: string | undefined,
  all: boolean,
): Promise<readonly ArchiveInStore[]> {
  if (all) {
    const { store } = catalog;
    const volumes = await catalog.volumes(reference);
    const archivePaths = volumes.flatMap(({ snapshots, leftovers }) => [
      ...snapshots.map(({ archivePath }) => archivePath),
      ...leftovers.flatMap(withoutData),
    ]);
    return archivePaths.map((archivePath) => ({ store, archivePath }));
  }
  if (reference !== undefined) return [await catalog.find(reference)];
  throw new DockformError("command.nothing-named", "nothing to verify was named", {
    hint: "Name a snapshot, as in `dockform snapshot verify myapp_data@latest`, or give --all.",
  });
}

/** A sidecar whose data is gone is a loss, and must not pass for nothing. */
function withoutData({ path, kind }: Leftover): readonly string[] {
  return kind === "no data" ? [path.replace(/\.json$/, ".tar.zst")] : [];
}

async function verify(
  snapshot: ArchiveInStore,
  session: Session,
  deepIn: Workspace | undefined,
): Promise<Outcome> {
  const { archivePath } = snapshot;
  try {
    const verification = await verifySnapshot(snapshot, session.tools);
    if (deepIn !== undefined) await verifyRestored(snapshot, session, deepIn);
    return { archivePath, verification, error: undefined };
  } catch (error) {
    session.io.signal.throwIfAborted();
    if (!(error instanceof DockformError)) throw error;
    return { archivePath, verification: undefined, error };
  }
}

/** @throws DockformError `integrity` when something came back otherwise than it is in the archive. */
async function verifyRestored(
  snapshot: ArchiveInStore,
  { tools }: Session,
  workspace: Workspace,
): Promise<void> {
  const target = await snapshotTarget(workspace, snapshot);
  const differences = await compareRestored(target, snapshot, tools);
  const [first] = differences;
  if (first === undefined) return;
  const others = differences.length === 1 ? "" : ` and ${differences.length - 1} more`;
  throw new DockformError(
    "snapshot.not-reproduced",
    `${snapshot.archivePath} does not come back as it is: ${displayText(first.path)} is ${first.kind}${others}`,
    {
      hint: "It was restored into a throw-away volume. Does the volume driver keep owners, attributes and times?",
      data: {
        differences: differences.map(({ path, kind }) => ({ path: displayText(path), kind })),
      },
    },
  );
}

function toText({ archivePath, verification, error }: Outcome, session: Session): string {
  const path = session.displayPath(archivePath);
  if (verification === undefined) {
    return `${session.paint("red", "damaged")}  ${path}\n         ${error?.message}`;
  }
  const { entries, tarBytes, hasSidecar } = verification;
  const size = `${formatCount(entries, "entry", "entries")}, ${formatBytes(tarBytes)} as tar`;
  const recorded = hasSidecar ? "" : "; it has no sidecar, so there is no checksum to compare";
  return `${session.paint("green", "good")}     ${path}\n         ${size}${recorded}`;
}

function totals(outcomes: readonly Outcome[]): readonly string[] {
  if (outcomes.length === 1) return [];
  const good = outcomes.filter(({ verification }) => verification !== undefined);
  const bytes = good.reduce((sum, each) => sum + (each.verification?.storedBytes ?? 0), 0);
  return [
    `${formatCount(outcomes.length, "snapshot")}: ${good.length} good (${formatBytes(bytes)}), ${outcomes.length - good.length} damaged`,
  ];
}

function someFailed(failures: readonly DockformError[], attempted: number): DockformError {
  const isDamage = failures.some(({ kind }) => kind === "integrity");
  return new DockformError(
    isDamage ? "snapshot.damaged" : "snapshot.unverified",
    `${failures.length} of ${formatCount(attempted, "snapshot")} did not pass`,
    { hint: "Take new ones while the volumes are well, and look at the disk that they are on." },
  );
}

function toJson({ archivePath, verification, error }: Outcome): unknown {
  return {
    archive: archivePath,
    ok: verification !== undefined,
    stored_bytes: verification?.storedBytes ?? null,
    uncompressed_bytes: verification?.tarBytes ?? null,
    entry_count: verification?.entries ?? null,
    file_count: verification?.files ?? null,
    verified_at: verification?.recordedAt?.toISOString() ?? null,
    error: error === undefined ? null : { kind: error.kind, message: error.message },
  };
}
