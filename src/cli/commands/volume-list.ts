import { inventory, type ListedVolume } from "../../app/inventory.ts";
import { formatAge, formatBytes } from "../../format.ts";
import { asideAdvice, asideText } from "../../lock/aside.ts";
import { leftoverHint } from "../../lock/leftover.ts";
import { failedToJson, hasResult, summaryOf } from "../failed-context.ts";
import { throwFailures } from "../failures.ts";
import { table } from "../output/table.ts";
import type { ItemOf } from "../documents/documents.ts";
import type { Session } from "../session.ts";
import type { VolumeListOptions } from "../spec/volume.ts";

export async function volumeList(session: Session, options: VolumeListOptions): Promise<void> {
  using workspace = await session.openWorkspace(options);
  const { volumes, failed } = await inventory(workspace, session.tools);
  const contexts = await workspace.contexts();
  if (hasResult(contexts, failed)) {
    session.result<"volume list">(
      { volumes: volumes.map(toJson), failed_contexts: failedToJson(failed, session) },
      toText(volumes, contexts.length > 1, session),
    );
  }
  warnOf(volumes, session);
  throwFailures(failed, session, summaryOf(failed, contexts));
}

function warnOf(volumes: readonly ListedVolume[], { log }: Session): void {
  for (const { volume } of volumes.filter(({ interrupted }) => interrupted)) {
    log.warn(`an operation on volume "${volume}" was interrupted`, {
      code: "recover",
      volume,
      when: "stopped",
    });
  }
  for (const { volume, leftover } of volumes.flatMap(({ leftovers }) => leftovers)) {
    log.warn(
      `volume "${volume.name}" has a folder that could not be removed, ${leftover.folder}: ${leftover.cause}. ${leftoverHint(volume, leftover)}`,
      { code: "recover", volume: volume.name, when: "after" },
    );
  }
  for (const { volume, setAside } of volumes) {
    for (const path of setAside) {
      log.warn(`${asideText(volume, path)}. ${asideAdvice(volume)}`);
    }
  }
}

function toText(
  volumes: readonly ListedVolume[],
  severalContexts: boolean,
  { paint, columns, io }: Session,
): readonly string[] {
  if (volumes.length === 0) return ["There are no volumes, and none are declared."];
  const keeping = volumes.some(({ kept }) => kept !== undefined);
  const head = ["VOLUME", "DECLARED", "SIZE", "SNAPSHOT"];
  head.push(...(keeping ? ["KEPT"] : []), "CONTAINERS");
  const rows = volumes.map((volume) => [
    severalContexts ? `${volume.context}/${volume.volume}` : volume.volume,
    volume.declared ? "yes" : "no",
    sizeText(volume),
    newestText(volume, io.now()),
    ...(keeping ? [volume.kept === undefined ? "-" : formatBytes(volume.kept.bytes)] : []),
    volume.containers.map(({ name, state }) => `${name} (${state})`).join(", ") || "-",
  ]);
  const form = { columns, names: [0], droppable: [1, ...(keeping ? [4] : [])], wraps: true };
  return table([head.map((title) => paint("bold", title)), ...rows], form);
}

function newestText({ newestSnapshot: newest }: ListedVolume, now: Date): string {
  return newest === undefined ? "-" : `${formatAge(now.getTime() - newest.time.getTime())} ago`;
}

function sizeText({ exists, sizeBytes }: ListedVolume): string {
  if (!exists) return "not created";
  return sizeBytes === undefined ? "unknown" : formatBytes(sizeBytes);
}

function toJson(volume: ListedVolume): ItemOf<"volume list", "volumes"> {
  return {
    context: volume.context,
    volume: volume.volume,
    declared: volume.declared,
    exists: volume.exists,
    size_bytes: volume.sizeBytes ?? null,
    containers: volume.containers,
    newest_snapshot: volume.newestSnapshot?.archivePath ?? null,
    kept: volume.kept === undefined ? null : { ...volume.kept, size_bytes: volume.kept.bytes },
    leftovers: volume.leftovers.map(({ leftover: { folder, cause } }) => ({ folder, cause })),
    set_aside: volume.setAside,
    interrupted: volume.interrupted,
  };
}
