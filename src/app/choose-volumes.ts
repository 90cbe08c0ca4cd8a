import { isThrowAway } from "../drill/throwaway.ts";
import { listVolumes } from "../engine/volumes.ts";
import { DockformError } from "../errors.ts";
import type { VolumeTarget } from "../lock/target.ts";
import type { Tools } from "../tools.ts";
import { isPattern, nearestToPattern, volumePattern, type NamedVolume } from "./volume-pattern.ts";
import { targetIn, type Workspace, type WorkspaceContext } from "./workspace.ts";

/** Several volumes, as a person says which. */
export interface VolumeChoice {
  /** `[context/]volume`, or patterns of them. */
  readonly named: readonly string[];
  /** What the manifest declares; without one, what the engine has. */
  readonly all: boolean;
  /** `[context/]volume`, or patterns of them, that are left out. */
  readonly exclude: readonly string[];
}

export interface ChosenVolumes {
  readonly targets: readonly VolumeTarget[];
  readonly leftOut: readonly LeftOutVolume[];
}

export const LEFT_OUT_REASONS = ["anonymous", "not wanted", "excluded"] as const;

/** A volume that would have been among several. */
export interface LeftOutVolume {
  readonly context: string;
  readonly volume: string;
  /**
   * `anonymous`: an engine made up its name, and nobody will look for it. `not wanted`: the manifest says that it needs
   * no snapshot. `excluded`: the person does.
   */
  readonly why: (typeof LEFT_OUT_REASONS)[number];
}

/** What an engine calls a volume that nobody has named. */
const ANONYMOUS = /^[0-9a-f]{64}$/;

/**
 * The volumes that are meant. One that is named as a whole needs not exist.
 *
 * @throws DockformError `usage` where nothing is meant: neither named nor all, a pattern without a volume, or all left out.
 */
export async function chooseVolumes(
  workspace: Workspace,
  { named, all, exclude }: VolumeChoice,
  tools: Tools,
): Promise<ChosenVolumes> {
  refuseBoth(named, all);
  const found = all
    ? await everyVolume(workspace, tools.signal)
    : await namedVolumes(workspace, named, tools.signal);
  const isExcluded = excluding(found.targets, exclude, tools);
  const targets = found.targets.filter((target) => !isExcluded(target));
  const leftOut = [
    ...found.leftOut,
    ...found.targets.filter(isExcluded).map((target) => leave(target, "excluded")),
  ];
  if (targets.length === 0) throw nothingLeft(leftOut, workspace.file !== undefined);
  return { targets, leftOut };
}

/** Volumes of a manifest that say that they need no snapshot are left out. */
async function everyVolume(workspace: Workspace, signal: AbortSignal): Promise<ChosenVolumes> {
  const contexts = await workspace.contexts();
  if (workspace.file === undefined) return withoutAnonymous(await existing(contexts, signal));
  const declared = contexts.flatMap((context) =>
    [...context.volumes.values()].map(({ name, snapshot }) => ({
      target: targetIn(context, name),
      isWanted: snapshot?.every !== "never",
    })),
  );
  return {
    targets: declared.filter(({ isWanted }) => isWanted).map(({ target }) => target),
    leftOut: declared
      .filter(({ isWanted }) => !isWanted)
      .map(({ target }) => leave(target, "not wanted")),
  };
}

async function namedVolumes(
  workspace: Workspace,
  named: readonly string[],
  signal: AbortSignal,
): Promise<ChosenVolumes> {
  const patterns = named.filter(isPattern);
  const whole = named.filter((text) => !isPattern(text));
  const targets = await Promise.all(whole.map((reference) => workspace.target(reference)));
  if (patterns.length === 0) return { targets, leftOut: [] };
  const known = await declaredAndExisting(await workspace.contexts(), signal);
  const described = withoutAnonymous(patterns.flatMap((pattern) => describedBy(pattern, known)));
  return { ...described, targets: [...targets, ...described.targets] };
}

/** @throws DockformError where the pattern describes none, with the volume that may have been meant. */
function describedBy(pattern: string, known: readonly VolumeTarget[]): readonly VolumeTarget[] {
  const matches = volumePattern(pattern);
  const found = known.filter(matches);
  if (found.length > 0) return found;
  const names = [...new Set(known.map(({ volume }) => volume))].filter(
    (name) => !ANONYMOUS.test(name),
  );
  throw new DockformError(
    "volume.no-match",
    `no volume matches "${pattern}"${meant(pattern, names)}`,
    {
      advice: [{ code: "list-volumes" }],
      data: { candidates: names },
    },
  );
}

async function declaredAndExisting(
  contexts: readonly WorkspaceContext[],
  signal: AbortSignal,
): Promise<readonly VolumeTarget[]> {
  const there = await existing(contexts, signal);
  const missing = contexts.flatMap((context) =>
    [...context.volumes.keys()]
      .filter(
        (name) => !there.some((each) => isSame(each, { context: context.name, volume: name })),
      )
      .map((name) => targetIn(context, name)),
  );
  return [...there, ...missing].toSorted((a, b) => (a.volume < b.volume ? -1 : 1));
}

/** What the engines have, without what a drill has made for itself. */
async function existing(
  contexts: readonly WorkspaceContext[],
  signal: AbortSignal,
): Promise<readonly VolumeTarget[]> {
  const lists = await Promise.all(
    contexts.map(async (context) =>
      (await listVolumes(context.engine, signal))
        .filter(({ name }) => !isThrowAway(name))
        .map(({ name }) => targetIn(context, name)),
    ),
  );
  return lists.flat();
}

function withoutAnonymous(found: readonly VolumeTarget[]): ChosenVolumes {
  return {
    targets: found.filter(({ volume }) => !ANONYMOUS.test(volume)),
    leftOut: found
      .filter(({ volume }) => ANONYMOUS.test(volume))
      .map((target) => leave(target, "anonymous")),
  };
}

/** A volume that is to be left out may be gone by now; that is said, since it may have been mistyped. */
function excluding(
  found: readonly VolumeTarget[],
  exclude: readonly string[],
  { log }: Tools,
): (named: NamedVolume) => boolean {
  const patterns = exclude.map((text) => ({ text, matches: volumePattern(text) }));
  const names = found.map(({ volume }) => volume);
  for (const { text, matches } of patterns) {
    if (!found.some(matches))
      log.warn(`"${text}" is to be left out, and matches no volume${meant(text, names)}`);
  }
  return (named) => patterns.some(({ matches }) => matches(named));
}

function leave({ context, volume }: VolumeTarget, why: LeftOutVolume["why"]): LeftOutVolume {
  return { context, volume, why };
}

function isSame(a: NamedVolume, b: NamedVolume): boolean {
  return a.context === b.context && a.volume === b.volume;
}

function meant(pattern: string, names: readonly string[]): string {
  const name = nearestToPattern(pattern, names);
  return name === undefined ? "" : `; did you mean "${name}"?`;
}

function refuseBoth(named: readonly string[], all: boolean): void {
  if (named.length > 0 && all) {
    throw new DockformError(
      "command.options-conflict",
      "volumes are named, and all are meant as well",
      {
        hint: "Give one of them.",
      },
    );
  }
  if (named.length === 0 && !all) {
    throw new DockformError("command.nothing-named", "no volume was named", {
      advice: [{ code: "name-volumes" }],
    });
  }
}

function nothingLeft(leftOut: readonly LeftOutVolume[], hasManifest: boolean): DockformError {
  const reason =
    leftOut.length > 0 ? "all are left out" : hasManifest ? "none is declared" : "there is none";
  return new DockformError("volume.no-match", `there is no volume to work on: ${reason}`, {
    advice: [{ code: "list-volumes" }],
  });
}
