import { wantsAttention } from "../../snapshot/freshness.ts";
import { formatAge } from "../../format.ts";
import { declaredFreshness, type DeclaredFreshness } from "../../app/freshness.ts";
import { checkFreshness, intervalText } from "../freshness-view.ts";
import { table } from "../output/terminal.ts";
import type { ItemOf } from "../documents/documents.ts";
import type { Session } from "../session.ts";
import type { SnapshotStatusOptions } from "../spec/snapshot-care.ts";

export async function snapshotStatus(
  session: Session,
  { check, store }: SnapshotStatusOptions,
): Promise<void> {
  using workspace = await session.openWorkspace({ store });
  workspace.requireManifest();
  const now = session.io.now();
  const volumes = await declaredFreshness(workspace, now);
  session.result<"snapshot status">(
    { checked_at: now.toISOString(), volumes: volumes.map(toJson) },
    toText(volumes, (await workspace.contexts()).length > 1, session),
  );
  if (check) checkFreshness(volumes);
}

function toJson(volume: DeclaredFreshness): ItemOf<"snapshot status", "volumes"> {
  const { state, every, newest, unchangedAt, ageMs, sidecar, damaged } = volume;
  return {
    context: volume.context,
    volume: volume.volume,
    state,
    attention: wantsAttention(state),
    every: every === undefined ? null : intervalText(every),
    newest_snapshot: newest?.archivePath ?? null,
    taken_at: newest?.time.toISOString() ?? null,
    unchanged_at: unchangedAt?.toISOString() ?? null,
    age_seconds: ageMs === undefined ? null : Math.floor(ageMs / 1000),
    verified_at: sidecar?.verified_at ?? null,
    proven_at: sidecar?.proven_at ?? null,
    damage: damaged[0]?.problem ?? null,
    damaged_snapshots: damaged.map(({ path }) => path),
  };
}

function toText(
  volumes: readonly DeclaredFreshness[],
  severalContexts: boolean,
  { paint, columns, io }: Session,
): readonly string[] {
  if (volumes.length === 0) return ["No volumes are declared."];
  const head = ["VOLUME", "STATE", "AGE", "EVERY", "VERIFIED", "PROVEN"];
  const ago = (time: string | undefined): string =>
    time === undefined ? "-" : `${formatAge(io.now().getTime() - new Date(time).getTime())} ago`;
  const rows = volumes.map((volume) => [
    severalContexts ? `${volume.context}/${volume.volume}` : volume.volume,
    paint(wantsAttention(volume.state) ? "red" : "green", volume.state),
    volume.ageMs === undefined ? "-" : formatAge(volume.ageMs),
    intervalText(volume.every),
    ago(volume.sidecar?.verified_at),
    ago(volume.sidecar?.proven_at),
  ]);
  const form = { columns, flexible: [0] };
  return table([head.map((title) => paint("bold", title)), ...rows], form);
}
