import { ReadingWarnings } from "../capture/warnings.ts";
import { openUndisturbedReader } from "../capture/snapshot.ts";
import { listContainers } from "../engine/containers.ts";
import { DockformError } from "../errors.ts";
import type { VolumeVerbs } from "../helper/verbs.ts";
import { removeVolumeForGood } from "../lock/remove.ts";
import { existingVolume, type VolumeTarget } from "../lock/target.ts";
import { inspectVolumeFiles } from "../restore/files.ts";
import { keepsContents } from "../restore/kept.ts";
import { replaceContents } from "../restore/replace-contents.ts";
import type {
  ReplacementOptions,
  ReplacementReport,
  VolumeReplacement,
} from "../restore/request.ts";
import type { Tools } from "../tools.ts";
import { SourceChange } from "./source-change.ts";
import { VolumeContents, type CopyRead } from "./volume-contents.ts";

/** A volume whose contents are to be another one's as well. */
export interface CopyRequest
  extends Omit<VolumeReplacement, "create" | "paths" | "inPlace">, ReplacementOptions {
  readonly source: VolumeTarget;
  /** The Compose project that a copy which is created is to belong to. */
  readonly project: string | undefined;
  /** The copy is to stand for the original, which is about to be removed. */
  readonly replacesSource: boolean;
}

export interface CopyReport extends ReplacementReport {
  readonly source: { readonly context: string; readonly volume: string };
  /** `undefined` in a dry run: nothing was read. */
  readonly read: CopyRead | undefined;
  /** Why the source may hold by now what the copy does not; looked for where the copy stands for it. */
  readonly sourceChanged: string | undefined;
}

/**
 * Copies what a volume holds into another one, of the same engine or of another, which is created where it does not
 * exist. It is one pass over the data; the copy takes its place as a restore does.
 *
 * @throws DockformError `refused`, `usage`, `integrity` or `failed`, with what the target held in place.
 */
export async function copyVolume(request: CopyRequest, tools: Tools): Promise<CopyReport> {
  const { source, project } = request;
  const volume = await existingVolume(source, tools.signal);
  const { users, ...reader } = await openUndisturbedReader(source, volume, tools);
  await using helper = reader.helper;
  const { verbs } = helper;
  const isOneEngine = await onOneEngine(request, helper.containerId, tools);
  if (request.replacesSource) await refuseKept(verbs, volume.name, tools);
  const isRemoved = request.replacesSource && !request.dryRun;
  const change = isRemoved ? await SourceChange.watch(verbs, tools) : undefined;
  const warnings = new ReadingWarnings(volume.name, undefined, tools.log);
  warnings.writers(users);
  const compression = isOneEngine ? "none" : "zstd";
  const contents = new VolumeContents(
    { target: source, volume, verbs, warnings },
    { project, compression },
  );
  const replacement = { ...request, create: true, paths: [], inPlace: false };
  const report = await replaceContents({ request: replacement, contents }, request, tools);
  const sourceChanged = await change?.sinceThen();
  const { context, volume: name } = source;
  return { ...report, source: { context, volume: name }, read: contents.read, sourceChanged };
}

/** @throws DockformError `refused` where the volume holds more than a copy of it would. */
async function refuseKept(verbs: VolumeVerbs, volume: string, { signal }: Tools): Promise<void> {
  const { kept } = await inspectVolumeFiles(verbs, signal);
  if (kept !== undefined) throw keepsContents(volume, kept, "Nothing was copied.");
}

/**
 * Whether the target's engine has the helper that reads the source. Two contexts may lead to one engine, and engines
 * of machines that were cloned have one id.
 *
 * @throws DockformError `refused` where a volume would be copied onto itself.
 */
async function onOneEngine(
  { source, target }: CopyRequest,
  helperId: string,
  { signal }: Tools,
): Promise<boolean> {
  const containers = await listContainers(target.engine, { signal });
  const isOneEngine = containers.some(({ id }) => id === helperId);
  if (isOneEngine && source.volume === target.volume) {
    throw new DockformError(
      "copy.onto-itself",
      `${source.context}/${source.volume} and ${target.context}/${target.volume} are one volume`,
      { hint: "Nothing was touched. Name another volume, or one of another engine." },
    );
  }
  return isOneEngine;
}

/**
 * Copies a volume, compares the copy with it entry by entry, and removes it.
 *
 * @throws DockformError as {@link copyVolume} does, and where the copy may lack something; the original is there then.
 */
export async function moveVolume(
  request: Omit<CopyRequest, "replacesSource">,
  tools: Tools,
): Promise<CopyReport> {
  const report = await copyVolume({ ...request, verify: true, replacesSource: true }, tools);
  if (request.dryRun) return report;
  const lacking = lackingIn(report);
  if (lacking !== undefined) throw notRemoved(report, lacking);
  await removeVolumeForGood(request.source, tools.signal);
  return report;
}

function lackingIn({ read, leftOut, sourceChanged }: CopyReport): string | undefined {
  return sourceChanged ?? read?.shortcomings[0] ?? leftOut[0]?.what;
}

function notRemoved({ source, volume }: CopyReport, lacking: string): DockformError {
  return new DockformError(
    "copy.source-kept",
    `volume "${source.volume}" was copied to "${volume}" and not removed: the copy may lack something: ${lacking}`,
    { hint: "Both are there. Compare them, then remove the one that you do not want." },
  );
}
