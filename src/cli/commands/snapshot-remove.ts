import { access } from "node:fs/promises";
import { DockformError } from "../../errors.ts";
import { formatAge, formatBytes, formatCount } from "../../format.ts";
import {
  archiveExtension,
  archiveFormat,
  parseSnapshotBaseName,
  sidecarPath,
} from "../../snapshot/name.ts";
import type {
  DescribedSnapshot,
  Store,
  StoredSnapshot,
  VolumeSnapshots,
} from "../../store/store.ts";
import { confirmByTyping } from "../confirm.ts";
import type { Session } from "../session.ts";
import type { SnapshotRemoveOptions } from "../spec/snapshot.ts";
import type { FoundSnapshot } from "../../app/catalog.ts";

interface Chosen extends DescribedSnapshot {
  readonly store: Store;
}

export async function snapshotRemove(
  session: Session,
  references: readonly string[],
  options: SnapshotRemoveOptions,
): Promise<void> {
  using workspace = await session.openWorkspace(options.store);
  const catalog = workspace.catalog();
  const chosen = new Map<string, Chosen>();
  for (const reference of references) {
    requireExplicit(reference);
    const found = await catalog.find(reference);
    const described = await found.store.describe(await complete(found));
    chosen.set(found.archivePath, { ...described, store: found.store });
  }
  const snapshots = [...chosen.values()];
  await confirm(session, snapshots, await catalog.volumes(), options);
  for (const snapshot of snapshots) await snapshot.store.remove(snapshot);
  const bytes = snapshots.reduce((sum, { storedBytes }) => sum + storedBytes, 0);
  session.result(
    { removed: snapshots.map(({ archivePath }) => archivePath) },
    `Removed ${formatCount(snapshots.length, "snapshot")}, ${formatBytes(bytes)}.`,
  );
}

/** Elsewhere a volume alone means its latest one; here that would be guessing. */
function requireExplicit(reference: string): void {
  if (/[@/]/.test(reference) || archiveExtension(reference) !== undefined) return;
  throw new DockformError(
    "snapshot.unspecified",
    `"${reference}" does not say which snapshot to remove`,
    {
      hint: `Write ${reference}@latest, ${reference}@2026-11-23T02:15, or a path.`,
    },
  );
}

async function complete({ archivePath, stored }: FoundSnapshot): Promise<StoredSnapshot> {
  if (stored !== undefined) return stored;
  const format = archiveFormat(archivePath);
  if (format === undefined) throw notASnapshot(archivePath, "expected .tar.zst or .tar");
  const sidecar = sidecarPath(archivePath, format);
  for (const file of [archivePath, sidecar]) {
    await access(file).catch(() => {
      throw notASnapshot(archivePath, `there is no ${file}`);
    });
  }
  const baseName = archivePath.slice(archivePath.lastIndexOf("/") + 1, -(format.length + 1));
  const name = parseSnapshotBaseName(baseName);
  if (name === undefined) throw notASnapshot(archivePath, "it is not named like one");
  return { ...name, archivePath, sidecarPath: sidecar };
}

function notASnapshot(path: string, why: string): DockformError {
  return new DockformError("snapshot.not-a-snapshot", `${path} is not a snapshot: ${why}`, {
    hint: "Nothing was removed. `dockform snapshot list` shows what there is; other files are yours to remove.",
  });
}

async function confirm(
  session: Session,
  snapshots: readonly DescribedSnapshot[],
  volumes: readonly VolumeSnapshots[],
  { skipConfirmation }: SnapshotRemoveOptions,
): Promise<void> {
  const { io, log } = session;
  log.info(
    `${snapshots.length === 1 ? "This snapshot is" : "These snapshots are"} removed for good:`,
  );
  for (const { archivePath, time, storedBytes, sidecar } of snapshots) {
    const note = sidecar?.notes ? `, "${sidecar.notes}"` : "";
    const age = formatAge(io.now().getTime() - time.getTime());
    log.info(
      `  - ${session.displayPath(archivePath)}: ${age} old, ${formatBytes(storedBytes)}${note}`,
    );
  }
  for (const { volume, snapshots: all } of volumes) {
    const going = new Set(snapshots.map(({ archivePath }) => archivePath));
    const allGo = all.length > 0 && all.every(({ archivePath }) => going.has(archivePath));
    if (allGo) log.warn(`volume ${volume} then has no snapshot any more`);
  }
  if (!skipConfirmation) await confirmByTyping(io, "Type yes to remove:", "yes");
}
