import { listSurely } from "../workload/list-surely.ts";
import { withSignal } from "../abort.ts";
import { findTrials, isThrowAway, type Leftover as Trial } from "../drill/throwaway.ts";
import { type ContainerSummary } from "../engine/containers.ts";
import { engineInfo, type EngineInfo } from "../engine/system.ts";
import { listVolumes, type EngineVolume } from "../engine/volumes.ts";
import { preparedHelperImage, type HelperImage } from "../helper/image.ts";
import { interruptionIn, ofVolume, readJournal, type Operation } from "../journal/operation.ts";
import { findAside } from "../lock/aside.ts";
import type { Leftover } from "../helper/outcomes.ts";
import { findLeftovers } from "../lock/leftover.ts";
import { wantsAttention } from "../snapshot/freshness.ts";
import type { StoreRoom } from "../store/store.ts";
import type { Tools } from "../tools.ts";
import { declaredFreshness, type DeclaredFreshness } from "./freshness.ts";
import type { Workspace, WorkspaceContext } from "./workspace.ts";

/** One thing that was looked at. */
export type Finding =
  | { readonly status: "ok"; readonly kind: "manifest"; readonly path: string }
  | { readonly status: "warning"; readonly kind: "no manifest" }
  | {
      readonly status: "ok";
      readonly kind: "context";
      readonly context: string;
      readonly host: string;
    }
  | { readonly status: "ok"; readonly kind: "engine"; readonly info: EngineInfo }
  | { readonly status: "ok"; readonly kind: "API version"; readonly apiVersion: string }
  /** `undefined` where the first helper has to make one. */
  | {
      readonly status: "ok";
      readonly kind: "helper image";
      readonly image: HelperImage | undefined;
    }
  /** The engine still has records of an operation on it. */
  | { readonly status: "warning"; readonly kind: "volume gone"; readonly volume: string }
  /** An operation was cut short. */
  | { readonly status: "failed"; readonly kind: "interrupted"; readonly volume: string }
  /** It is about to begin, or its client died. */
  | { readonly status: "warning"; readonly kind: "not begun"; readonly operation: Operation }
  | { readonly status: "warning"; readonly kind: "trial left"; readonly trial: Trial }
  | {
      readonly status: "warning";
      readonly kind: "not removed";
      readonly volume: EngineVolume;
      readonly leftover: Leftover;
    }
  /** Others wrote it during a swap: one path of each folder. */
  | {
      readonly status: "warning";
      readonly kind: "set aside";
      readonly volume: string;
      readonly path: string;
    }
  | {
      readonly status: "ok" | "warning";
      readonly kind: "space";
      /** The store's, for messages. */
      readonly title: string;
      /** `undefined` where the store knows of no limit. */
      readonly room: StoreRoom | undefined;
    }
  /** Of so many declared volumes so many have a fresh snapshot, or need none. */
  | {
      readonly status: "ok";
      readonly kind: "snapshots";
      readonly freshCount: number;
      readonly declaredCount: number;
    }
  | {
      readonly status: "warning";
      readonly kind: "snapshots wanted";
      readonly freshness: DeclaredFreshness;
    }
  | {
      readonly status: "failed";
      readonly kind: "cannot check";
      readonly check: "manifest" | "context" | "engine" | "helper image";
      readonly error: unknown;
    };

export interface Diagnosis {
  readonly findings: readonly Finding[];
  /** Of all declared volumes; empty where no manifest could be read. */
  readonly freshness: readonly DeclaredFreshness[];
}

/** Below this a snapshot of anything but a small volume is likely to fail. */
const LOW_SPACE_BYTES = 1e9;

/** Looks at all that a snapshot or a restore needs, and at what earlier ones left; changes nothing. */
export async function diagnose(open: () => Promise<Workspace>, tools: Tools): Promise<Diagnosis> {
  let opened: Workspace;
  try {
    opened = await open();
  } catch (error) {
    return { findings: [cannotCheck("manifest", error)], freshness: [] };
  }
  using workspace = opened;
  const contexts = await lookAtContexts(workspace, tools);
  const freshness = await freshnessOf(workspace, tools.now());
  return {
    findings: [lookAtManifest(workspace), ...contexts, ...lookAtFreshness(freshness)],
    freshness,
  };
}

/** Where a context cannot be found, that is a finding of its own. */
async function freshnessOf(workspace: Workspace, now: Date): Promise<readonly DeclaredFreshness[]> {
  const areKnown = await workspace.contexts().then(
    () => true,
    () => false,
  );
  return areKnown ? declaredFreshness(workspace, now) : [];
}

function lookAtManifest({ file }: Workspace): Finding {
  return file === undefined
    ? { status: "warning", kind: "no manifest" }
    : { status: "ok", kind: "manifest", path: file.path };
}

async function lookAtContexts(workspace: Workspace, tools: Tools): Promise<readonly Finding[]> {
  try {
    const contexts = await workspace.contexts();
    const findings = contexts.map((context) => lookAtContext(context, workspace, tools));
    return (await Promise.all(findings)).flat();
  } catch (error) {
    return [cannotCheck("context", error)];
  }
}

async function lookAtContext(
  context: WorkspaceContext,
  workspace: Workspace,
  tools: Tools,
): Promise<readonly Finding[]> {
  const { name, engine } = context;
  const findings: Finding[] = [
    { status: "ok", kind: "context", context: name, host: engine.endpoint.host },
  ];
  try {
    const apiVersion = await withSignal(engine.apiVersion(), tools.signal);
    const info = await engineInfo(engine, tools.signal);
    findings.push(
      { status: "ok", kind: "engine", info },
      { status: "ok", kind: "API version", apiVersion },
      await lookAtHelperImage(context, workspace),
      ...(await lookAtVolumes(context, tools)),
    );
  } catch (error) {
    findings.push(cannotCheck("engine", error));
  }
  return [...findings, await lookAtSpace(context)];
}

async function lookAtHelperImage(
  { engine }: WorkspaceContext,
  workspace: Workspace,
): Promise<Finding> {
  try {
    const image = await preparedHelperImage(engine, workspace.helperImageOptions());
    return { status: "ok", kind: "helper image", image };
  } catch (error) {
    return cannotCheck("helper image", error);
  }
}

/** What operations left in the engine and in its volumes; nothing where all is well. */
async function lookAtVolumes(
  { engine }: WorkspaceContext,
  tools: Tools,
): Promise<readonly Finding[]> {
  const { now, signal } = tools;
  const [containers, volumes] = await Promise.all([
    listSurely(engine, signal),
    listVolumes(engine, signal),
  ]);
  const trials = await findTrials(engine, now(), signal);
  const looking = { engine, containers, tools };
  const leftovers = await findLeftovers(looking, volumes);
  const aside = await findAside(looking, volumes);
  return [
    ...operationFindings(containers, new Set(volumes.map(({ name }) => name))),
    ...trials.map((trial): Finding => ({ status: "warning", kind: "trial left", trial })),
    ...leftovers.map((each): Finding => ({ status: "warning", kind: "not removed", ...each })),
    ...[...aside].flatMap(([volume, paths]) =>
      paths.map((path): Finding => ({ status: "warning", kind: "set aside", volume, path })),
    ),
  ];
}

/** A finding for each volume on which something was cut short. */
function operationFindings(
  containers: readonly ContainerSummary[],
  existing: ReadonlySet<string>,
): readonly Finding[] {
  const journal = readJournal(containers);
  const found = [...journal.operations.map(({ operation }) => operation), ...journal.records];
  const volumes = new Set(found.map(({ volume }) => volume));
  return [...volumes].flatMap((volume): Finding | readonly Finding[] => {
    if (isThrowAway(volume)) return [];
    if (!existing.has(volume)) return { status: "warning", kind: "volume gone", volume };
    const own = ofVolume(journal, volume);
    if (interruptionIn(own) !== undefined) return { status: "failed", kind: "interrupted", volume };
    const unstarted = own.operations.find(({ standing }) => standing === "unstarted");
    if (unstarted === undefined) return [];
    return { status: "warning", kind: "not begun", operation: unstarted.operation };
  });
}

async function lookAtSpace({ store, storedAs }: WorkspaceContext): Promise<Finding> {
  const room = await store.room(storedAs("").context);
  const isLow = room !== undefined && room.freeBytes < LOW_SPACE_BYTES;
  return { status: isLow ? "warning" : "ok", kind: "space", title: store.title, room };
}

/** One for each volume that wants attention, after one for all the others. */
function lookAtFreshness(volumes: readonly DeclaredFreshness[]): readonly Finding[] {
  if (volumes.length === 0) return [];
  const wanting = volumes.filter(({ state }) => wantsAttention(state));
  const declaredCount = volumes.length;
  const freshCount = declaredCount - wanting.length;
  return [
    { status: "ok", kind: "snapshots", freshCount, declaredCount },
    ...wanting.map((freshness): Finding => ({
      status: "warning",
      kind: "snapshots wanted",
      freshness,
    })),
  ];
}

type Check = Extract<Finding, { kind: "cannot check" }>["check"];

function cannotCheck(check: Check, error: unknown): Finding {
  return { status: "failed", kind: "cannot check", check, error };
}
