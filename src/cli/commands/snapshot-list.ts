import {
  listSnapshots,
  type ListedSnapshot,
  type ListedSnapshots,
} from "../../app/list-snapshots.ts";
import {
  formatAge,
  formatBytes,
  formatCount,
  formatNumber,
  formatTime,
  timeOrNull,
} from "../../format.ts";
import type { Leftover } from "../../store/store.ts";
import { foundOutText } from "../found-out-view.ts";
import { paragraphs, tableRows } from "../output/table.ts";
import type { DocumentOf } from "../documents/documents.ts";
import type { Session } from "../session.ts";
import type { SnapshotListOptions } from "../spec/snapshot.ts";

export async function snapshotList(
  session: Session,
  reference: string | undefined,
  options: SnapshotListOptions,
): Promise<void> {
  using workspace = await session.openWorkspace(options);
  const catalog = workspace.catalog();
  const { title } = catalog.store;
  const volumes = await listSnapshots(catalog, reference);
  session.resultOf<"snapshot list">(
    () => toJson(title, volumes, session),
    () => toText(title, volumes, session),
  );
}

function toText(
  root: string,
  volumes: readonly ListedSnapshots[],
  session: Session,
): readonly string[] {
  const listed = volumes.filter(({ snapshots }) => snapshots.length > 0);
  const leftovers = volumes.flatMap((volume) => volume.leftovers);
  return paragraphs(
    ...(listed.length === 0
      ? [[`There are no snapshots in ${session.displayPath(root)}.`]]
      : [snapshotTable(listed, session), [totals(listed)]]),
    ...(leftovers.length === 0 ? [] : [leftoverLines(leftovers, session)]),
  );
}

/** One table for all volumes, so that their columns stand below each other; each has a line of its own. */
function snapshotTable(volumes: readonly ListedSnapshots[], session: Session): readonly string[] {
  const { paint } = session;
  const snapshots = volumes.flatMap((volume) => volume.snapshots);
  // Where nothing is proven, its column would only take the room of notes.
  const proven = snapshots.some(({ provenAt }) => provenAt !== undefined) ? ["PROVEN"] : [];
  const titles = ["  AGE", "TIME", "SIZE", "FILES", "VERIFIED", ...proven, "NOTE"];
  const rows = snapshots.map((each) => row(each, proven.length > 0, session));
  const form = { columns: session.columns, right: [2, 3], droppable: [3], wraps: true };
  const bold = titles.map((name) => paint("bold", name));
  const [head = [], ...lines] = tableRows([bold, ...rows], form);
  const blocks = volumes.flatMap((volume) => {
    const own = lines.splice(0, volume.snapshots.length);
    const count = formatCount(volume.snapshots.length, "snapshot");
    const title = `${paint("bold", volume.title)}: ${count}, ${formatBytes(volume.storedBytes)}`;
    return [title, ...own.flat()];
  });
  return [...head, ...blocks];
}

function row(snapshot: ListedSnapshot, isProof: boolean, session: Session): readonly string[] {
  const { time, storedBytes, fileCount, verifiedAt, provenAt } = snapshot;
  return [
    `  ${formatAge(session.io.now().getTime() - time.getTime())}`,
    formatTime(time),
    formatBytes(storedBytes),
    fileCount === undefined ? "?" : formatNumber(fileCount),
    foundOutText(verifiedAt, session),
    ...(isProof ? [foundOutText(provenAt, session)] : []),
    remark(snapshot, session),
  ];
}

function remark(
  { notes = "", problem, unhealthyAt, otherVolume: other }: ListedSnapshot,
  session: Session,
): string {
  const { paint } = session;
  if (problem !== undefined) return paint("red", `damaged: ${problem}`);
  const marks = [
    ...(other === undefined ? [] : [`of volume ${other}`]),
    ...(unhealthyAt === undefined
      ? []
      : [`containers were not healthy on it at ${session.timeText(formatTime(unhealthyAt))}`]),
  ];
  return [...marks.map((mark) => paint("yellow", mark)), notes].filter(Boolean).join("; ");
}

function totals(volumes: readonly ListedSnapshots[]): string {
  const count = volumes.reduce((sum, { snapshots }) => sum + snapshots.length, 0);
  const bytes = volumes.reduce((sum, { storedBytes }) => sum + storedBytes, 0);
  return `${formatCount(count, "snapshot")} of ${formatCount(volumes.length, "volume")}, ${formatBytes(bytes)}`;
}

const KINDS: Readonly<Record<Leftover["kind"], string>> = {
  unfinished: "unfinished: being written now, or left by a program that was killed",
  "no sidecar": "data without a sidecar: left by a removal, or copied here",
  "no data": "a sidecar without its data",
};

function leftoverLines(leftovers: readonly Leftover[], session: Session): readonly string[] {
  const lines = leftovers.flatMap(({ path, kind }) => [
    `  ${session.displayPath(path)}`,
    `    ${session.paint("dim", KINDS[kind])}`,
  ]);
  return [session.paint("yellow", "These files are not snapshots:"), ...lines];
}

function toJson(
  root: string,
  volumes: readonly ListedSnapshots[],
  { io }: Session,
): DocumentOf<"snapshot list"> {
  return {
    store: root,
    folder: root,
    volumes: volumes.map(({ context, volume, snapshots, storedBytes, leftovers }) => ({
      context: context ?? null,
      volume,
      stored_bytes: storedBytes,
      snapshots: snapshots.map((snapshot) => ({
        archive: snapshot.archivePath,
        sidecar_path: snapshot.sidecarPath,
        created_at: formatTime(snapshot.time),
        age_seconds: Math.floor((io.now().getTime() - snapshot.time.getTime()) / 1000),
        stored_bytes: snapshot.storedBytes,
        uncompressed_bytes: snapshot.tarBytes ?? null,
        file_count: snapshot.fileCount ?? null,
        notes: snapshot.notes ?? null,
        purpose: snapshot.purpose ?? null,
        verified_at: timeOrNull(snapshot.verifiedAt),
        proven_at: timeOrNull(snapshot.provenAt),
        damaged_at: timeOrNull(snapshot.damagedAt),
        unhealthy_at: timeOrNull(snapshot.unhealthyAt),
        problem: snapshot.problem ?? null,
        other_volume: snapshot.otherVolume ?? null,
      })),
      leftovers: leftovers.map(({ path, kind }) => ({ path, kind })),
    })),
  };
}
