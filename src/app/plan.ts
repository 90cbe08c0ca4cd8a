import { listVolumes, type EngineVolume } from "../engine/volumes.ts";
import type { VolumeSpec } from "../manifest/manifest.ts";
import { identifierOf, ownedVolumes } from "./identifier.ts";
import { inEachContext, type FailedContext } from "./several.ts";
import type { Workspace } from "./workspace.ts";

/** What is to be done, or only to be said, about one volume. */
export type PlannedVolume =
  | { readonly action: "create"; readonly name: string; readonly spec: VolumeSpec }
  | { readonly action: "keep"; readonly name: string; readonly remark: string | undefined }
  /** It exists otherwise than declared; it is left alone. */
  | { readonly action: "drift"; readonly name: string; readonly differences: readonly string[] }
  /** It carries our label and is no longer declared. */
  | { readonly action: "orphan"; readonly name: string };

/** The plan of one context. */
export interface ContextPlan {
  readonly context: string;
  readonly volumes: readonly PlannedVolume[];
}

export interface Plans {
  /** In the order of the manifest. */
  readonly contexts: readonly ContextPlan[];
  /** What is to be done there is not known. */
  readonly failed: readonly FailedContext[];
}

/**
 * What is to be done in each context.
 *
 * @throws DockformError `manifest` without a manifest, or an identifier in it.
 */
export async function planContexts(workspace: Workspace, signal: AbortSignal): Promise<Plans> {
  const identifier = workspace.requireIdentifier();
  const contexts = await workspace.contexts();
  const everywhere = workspace.requireManifest().manifest.contexts;
  const anyDeclared = new Set(everywhere.flatMap((each) => [...each.volumes.keys()]));
  const { reports, failed } = await inEachContext(contexts, async (context) => ({
    context: context.name,
    volumes: planVolumes(
      context.volumes,
      await listVolumes(context.engine, signal),
      identifier,
      anyDeclared,
    ),
  }));
  return { contexts: reports, failed };
}

/**
 * The steps from the volumes that exist in a context to those that are declared, by name. A volume that
 * another context declares is no orphan: two contexts may lead to one engine.
 */
export function planVolumes(
  declared: ReadonlyMap<string, VolumeSpec>,
  existing: readonly EngineVolume[],
  identifier: string,
  declaredElsewhere: ReadonlySet<string> = new Set(),
): readonly PlannedVolume[] {
  const byName = new Map(existing.map((volume) => [volume.name, volume]));
  const planned = [...declared.values()].map((spec): PlannedVolume => {
    const volume = byName.get(spec.name);
    if (volume === undefined) return { action: "create", name: spec.name, spec };
    const differences = driftOf(spec, volume);
    return differences.length > 0
      ? { action: "drift", name: spec.name, differences }
      : { action: "keep", name: spec.name, remark: labelRemark(volume, identifier) };
  });
  const orphans = ownedVolumes(existing, identifier)
    .filter(({ name }) => !declared.has(name) && !declaredElsewhere.has(name))
    .map((volume): PlannedVolume => ({ action: "orphan", name: volume.name }));
  return [...planned, ...orphans].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** Labels that others added (Docker Compose does) are no drift; declared ones must be as declared. */
function driftOf(spec: VolumeSpec, volume: EngineVolume): readonly string[] {
  const options = new Set([...Object.keys(spec.driverOpts), ...Object.keys(volume.driverOpts)]);
  return [
    ...difference("driver", spec.driver, volume.driver),
    ...[...options].flatMap((key) =>
      difference(`option ${key}`, spec.driverOpts[key], volume.driverOpts[key]),
    ),
    ...Object.entries(spec.labels).flatMap(([key, value]) =>
      difference(`label ${key}`, value, volume.labels[key]),
    ),
  ];
}

function difference(
  what: string,
  declared: string | undefined,
  actual: string | undefined,
): readonly string[] {
  return declared === actual ? [] : [`${what} is ${quoted(actual)}, declared ${quoted(declared)}`];
}

function quoted(value: string | undefined): string {
  return value === undefined ? "not set" : JSON.stringify(value);
}

function labelRemark(volume: EngineVolume, identifier: string): string | undefined {
  const label = identifierOf(volume);
  if (label === identifier) return undefined;
  return label === undefined
    ? "made by something else; destroy will leave it alone"
    : `belongs to ${label}; destroy will leave it alone`;
}
