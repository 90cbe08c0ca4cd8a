import { readFile } from "node:fs/promises";
import { messageOf } from "../errors.ts";
import type { Interval } from "../snapshot/duration.ts";
import { judgeFreshness, type FreshnessState } from "../snapshot/freshness.ts";
import { archiveFormat, sidecarPath } from "../snapshot/name.ts";
import { parseSidecar, type Sidecar } from "../snapshot/sidecar.ts";
import type { StoredSnapshot } from "./list.ts";
import { newestSnapshot } from "./stranger.ts";

/** How a volume stands with its snapshots, and why. */
export interface Freshness {
  readonly state: FreshnessState;
  readonly every: Interval | "never" | undefined;
  readonly newest: StoredSnapshot | undefined;
  /** When the newest was last found to be what the volume still held. */
  readonly unchangedAt: Date | undefined;
  /** Since the newest was taken, or was last what the volume held. Negative when it is from a time to come. */
  readonly ageMs: number | undefined;
  readonly sidecar: Sidecar | undefined;
  /** What is wrong with the newest one's sidecar. */
  readonly damage: string | undefined;
}

/** Looks at the names in a volume's folders, and into one sidecar: that of its newest snapshot. */
export async function volumeFreshness(
  volume: string,
  folders: readonly string[],
  every: Interval | "never" | undefined,
  now: Date,
): Promise<Freshness> {
  const newest = await newestSnapshot(folders, volume);
  const { sidecar, damage } = newest === undefined ? {} : await readNewestSidecar(newest);
  const unchangedAt =
    sidecar?.unchanged_at === undefined ? undefined : new Date(sidecar.unchanged_at);
  const currentAt = latest(newest?.time, unchangedAt);
  return {
    state: judgeFreshness({ currentAt, sidecarValid: damage === undefined, every }, now),
    every,
    newest,
    unchangedAt,
    ageMs: currentAt && now.getTime() - currentAt.getTime(),
    sidecar,
    damage,
  };
}

async function readNewestSidecar({
  archivePath,
}: StoredSnapshot): Promise<{ readonly sidecar?: Sidecar; readonly damage?: string }> {
  const path = sidecarPath(archivePath, archiveFormat(archivePath) ?? "tar.zst");
  try {
    return { sidecar: parseSidecar(await readFile(path, "utf8"), path) };
  } catch (error) {
    return { damage: messageOf(error) };
  }
}

function latest(a: Date | undefined, b: Date | undefined): Date | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a.getTime() > b.getTime() ? a : b;
}
