import { listContainers } from "../../engine/containers.ts";
import { listVolumes, volumeSizes, type EngineVolume } from "../../engine/volumes.ts";
import { formatBytes, formatTime } from "../../format.ts";
import { interruptionIn, ofVolume, readJournal } from "../../journal/operation.ts";
import { newestSnapshot } from "../../store/newest.ts";
import type { StoredSnapshot } from "../../store/store.ts";
import { asideAdvice, asideText, findAside } from "../../lock/aside.ts";
import { findKept, type KeptContents } from "../../restore/kept.ts";
import { findLeftovers, leftoverAdvice } from "../../lock/leftover.ts";
import { usersAmong } from "../../workload/users.ts";
import { table } from "../output/terminal.ts";
import type { Session } from "../session.ts";
import type { WorkspaceContext } from "../../app/workspace.ts";

interface ListedVolume {
  readonly context: string;
  readonly volume: string;
  readonly declared: boolean;
  readonly exists: boolean;
  /** `undefined` where the engine does not know it. */
  readonly sizeBytes: number | undefined;
  readonly containers: readonly { readonly name: string; readonly state: string }[];
  readonly newestSnapshot: StoredSnapshot | undefined;
  /** What `volume undo` would put back. */
  readonly kept: KeptContents | undefined;
  /** What could not be removed from it. */
  readonly leftovers: Awaited<ReturnType<typeof findLeftovers>>;
  /** What others wrote during a swap: one path in each folder of it. */
  readonly setAside: readonly string[];
  readonly interrupted: boolean;
}

export async function volumeList(session: Session): Promise<void> {
  using workspace = await session.openWorkspace();
  const contexts = await workspace.contexts();
  const lists = await Promise.all(contexts.map((context) => listContext(context, session)));
  const volumes = lists.flat();
  session.result({ volumes: volumes.map(toJson) }, toText(volumes, contexts.length > 1, session));
  for (const { volume } of volumes.filter(({ interrupted }) => interrupted)) {
    session.log.warn(
      `an operation on volume "${volume}" was interrupted: run \`dockform volume recover ${volume}\``,
    );
  }
  for (const { volume, leftover } of volumes.flatMap(({ leftovers }) => leftovers)) {
    session.log.warn(
      `volume "${volume.name}" has a folder that could not be removed, ${leftover.folder}: ${leftover.cause}. ${leftoverAdvice(volume, leftover)}`,
    );
  }
  for (const { volume, setAside } of volumes) {
    for (const path of setAside) {
      session.log.warn(`${asideText(volume, path)}. ${asideAdvice(volume)}`);
    }
  }
}

async function listContext(
  context: WorkspaceContext,
  { io: { signal }, tools }: Session,
): Promise<readonly ListedVolume[]> {
  const [existing, sizes, containers] = await Promise.all([
    listVolumes(context.engine, signal),
    volumeSizes(context.engine, signal),
    listContainers(context.engine, { signal }),
  ]);
  const journal = readJournal(containers);
  const looking = { engine: context.engine, containers, tools };
  const [kept, leftovers, aside] = await Promise.all([
    findKept(looking, existing),
    findLeftovers(looking, existing),
    findAside(looking, existing),
  ]);
  const byName = new Map(existing.map((volume) => [volume.name, volume]));
  const names = [...new Set([...context.volumes.keys(), ...byName.keys()])].toSorted();
  return Promise.all(
    names.map(async (name): Promise<ListedVolume> => {
      const volume = byName.get(name);
      return {
        context: context.name,
        volume: name,
        declared: context.volumes.has(name),
        exists: volume !== undefined,
        sizeBytes: sizes.get(name),
        containers: containersOf(volume, containers),
        newestSnapshot: await newestSnapshot(context.store, context.storedNames(name), name),
        kept: kept.get(name),
        leftovers: leftovers.filter(({ volume: { name: of } }) => of === name),
        setAside: aside.get(name) ?? [],
        interrupted: interruptionIn(ofVolume(journal, name)) !== undefined,
      };
    }),
  );
}

function containersOf(
  volume: EngineVolume | undefined,
  containers: Awaited<ReturnType<typeof listContainers>>,
): ListedVolume["containers"] {
  if (volume === undefined) return [];
  return usersAmong(containers, volume).map(({ container: { name, state } }) => ({ name, state }));
}

function toText(
  volumes: readonly ListedVolume[],
  severalContexts: boolean,
  { paint }: Session,
): string {
  if (volumes.length === 0) return "There are no volumes, and none are declared.";
  const keeping = volumes.some(({ kept }) => kept !== undefined);
  const head = ["VOLUME", "DECLARED", "SIZE", "NEWEST SNAPSHOT"];
  head.push(...(keeping ? ["KEPT"] : []), "CONTAINERS");
  const rows = volumes.map((volume) => [
    severalContexts ? `${volume.context}/${volume.volume}` : volume.volume,
    volume.declared ? "yes" : "no",
    sizeText(volume),
    volume.newestSnapshot === undefined ? "-" : formatTime(volume.newestSnapshot.time),
    ...(keeping ? [volume.kept === undefined ? "-" : formatBytes(volume.kept.bytes)] : []),
    volume.containers.map(({ name, state }) => `${name} (${state})`).join(", ") || "-",
  ]);
  return table([head.map((title) => paint("bold", title)), ...rows]);
}

function sizeText({ exists, sizeBytes }: ListedVolume): string {
  if (!exists) return "not created";
  return sizeBytes === undefined ? "unknown" : formatBytes(sizeBytes);
}

function toJson(volume: ListedVolume): Readonly<Record<string, unknown>> {
  return {
    context: volume.context,
    volume: volume.volume,
    declared: volume.declared,
    exists: volume.exists,
    size_bytes: volume.sizeBytes ?? null,
    containers: volume.containers,
    newest_snapshot: volume.newestSnapshot?.archivePath ?? null,
    kept: volume.kept ?? null,
    leftovers: volume.leftovers.map(({ leftover: { folder, cause } }) => ({ folder, cause })),
    set_aside: volume.setAside,
    interrupted: volume.interrupted,
  };
}
