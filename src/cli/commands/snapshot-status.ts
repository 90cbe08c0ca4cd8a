import { wantsAttention } from "../../snapshot/freshness.ts";
import { formatAge, formatTime } from "../../format.ts";
import { declaredFreshness, type DeclaredFreshness } from "../../app/freshness.ts";
import { checkFreshness, freshnessDocument, intervalText } from "../freshness-view.ts";
import { foundOutText } from "../found-out-view.ts";
import { table } from "../output/table.ts";
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
    { checked_at: formatTime(now), volumes: volumes.map(freshnessDocument) },
    toText(volumes, (await workspace.contexts()).length > 1, session),
  );
  if (check) checkFreshness(volumes);
}

function toText(
  volumes: readonly DeclaredFreshness[],
  severalContexts: boolean,
  session: Session,
): readonly string[] {
  const { paint, columns } = session;
  if (volumes.length === 0) return ["No volumes are declared."];
  const head = ["VOLUME", "STATE", "AGE", "EVERY", "VERIFIED", "PROVEN"];
  const foundOut = ({ newest }: DeclaredFreshness, at: Date | undefined): string =>
    newest === undefined ? "-" : foundOutText(at, session);
  const rows = volumes.map((volume) => [
    severalContexts ? `${volume.context}/${volume.volume}` : volume.volume,
    paint(wantsAttention(volume.state) ? "red" : "green", volume.state),
    volume.ageMs === undefined ? "-" : formatAge(volume.ageMs),
    intervalText(volume.every),
    foundOut(volume, volume.assurance.verifiedAt),
    foundOut(volume, volume.assurance.provenAt),
  ]);
  const form = { columns, names: [0], droppable: [3] };
  return table([head.map((title) => paint("bold", title)), ...rows], form);
}
