import type { TargetVolume } from "./filesets.ts";
import type { Manifest, ManifestContext, SnapshotPolicy, VolumeSpec } from "./manifest.ts";
import type { ManifestContent } from "./schema.ts";
import { isUnmanagedSection } from "./scope.ts";
import type { Tree } from "./tree.ts";

/** Puts a manifest together from its checked parts. */
export function buildManifest(
  file: string,
  content: ManifestContent,
  targets: readonly TargetVolume[],
  sections: readonly string[],
): Manifest {
  return {
    file,
    identifier: content.identifier ?? content.docker?.identifier,
    severalContexts: content.contexts !== undefined,
    contexts: declaredContexts(content).map(({ name, host, volumes }) => ({
      name,
      host,
      volumes: volumeSpecs(
        volumes ?? new Map(),
        targets.filter(({ context }) => context === undefined || context === name),
      ),
    })),
    store: content.store,
    helperImage: content.helper?.image,
    helperCapabilities: [...new Set(content.helper?.capabilities)],
    unmanagedSections: sections,
  };
}

/** The names of the sections of other tools, wherever they stand, in the order of the file. */
export function unmanagedSections(manifest: Tree): readonly string[] {
  if (manifest.kind !== "map") return [];
  const contexts = manifest.entries.get("contexts")?.value;
  const inside = contexts?.kind === "map" ? [...contexts.entries.values()] : [];
  const maps = [manifest, ...inside.map(({ value }) => value)];
  const sections = maps.flatMap((map) => (map.kind === "map" ? [...map.entries] : []));
  const names = sections
    .filter(([name]) => isUnmanagedSection(name))
    .toSorted(([, a], [, b]) => a.key.start - b.key.start)
    .map(([name]) => name);
  return [...new Set(names)];
}

type VolumesContent = NonNullable<ManifestContent["volumes"]>;

interface DeclaredContext extends Omit<ManifestContext, "volumes"> {
  readonly volumes: VolumesContent | null | undefined;
}

function declaredContexts(content: ManifestContent): readonly DeclaredContext[] {
  if (content.contexts === undefined) {
    return [{ name: content.docker?.context, host: undefined, volumes: content.volumes }];
  }
  return [...content.contexts].map(([name, context]) => ({
    name,
    host: context?.host,
    volumes: context?.volumes,
  }));
}

function volumeSpecs(
  declared: VolumesContent,
  targets: readonly TargetVolume[],
): ReadonlyMap<string, VolumeSpec> {
  const specs = new Map<string, VolumeSpec>();
  for (const [name, volume] of declared) {
    specs.set(name, {
      name,
      driver: volume?.driver ?? DEFAULT_DRIVER,
      driverOpts: Object.fromEntries(volume?.driver_opts ?? []),
      labels: Object.fromEntries(volume?.labels ?? []),
      ...snapshotPolicy(volume),
      declaredBy: "volumes",
    });
  }
  for (const { volume: name } of targets) {
    if (specs.has(name)) continue;
    const none = { driver: DEFAULT_DRIVER, driverOpts: {}, labels: {} };
    specs.set(name, { name, ...none, declaredBy: "fileset" });
  }
  return specs;
}

type VolumeContent = VolumesContent extends Map<string, infer Volume> ? Volume : never;

function snapshotPolicy(volume: VolumeContent): { readonly snapshot?: SnapshotPolicy } {
  const { every, keep } = volume?.snapshot ?? {};
  if (every === undefined && !keep) return {};
  return { snapshot: { ...(every === undefined ? {} : { every }), ...(keep ? { keep } : {}) } };
}

const DEFAULT_DRIVER = "local";
