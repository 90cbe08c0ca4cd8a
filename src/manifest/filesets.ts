import { check } from "./check.ts";
import type { Problem } from "./problem.ts";
import { filesetSchema } from "./schema.ts";
import type { MapTree, Tree } from "./tree.ts";

/** The volume a fileset writes to, which thereby counts as declared. */
export interface TargetVolume {
  readonly volume: string;
  /** The context it is declared for; undefined means every context there is. */
  readonly context: string | undefined;
}

/** The target volumes of all filesets of a manifest, wherever filesets may stand. */
export function targetVolumes(manifest: Tree): {
  readonly targets: readonly TargetVolume[];
  readonly problems: readonly Problem[];
} {
  const contexts = entriesOf(child(manifest, "contexts"));
  const known = new Set(contexts.map(([name]) => name));
  const contextOf = (key: string): string | undefined => {
    const [first, ...rest] = key.split("/");
    return first !== undefined && rest.length > 0 && known.has(first) ? first : undefined;
  };
  const checked = [
    ...filesetsIn(manifest, contextOf),
    ...contexts.flatMap(([name, tree]) => filesetsIn(tree, () => name)),
  ].map(({ context, tree }) => ({ context, ...check(filesetSchema, tree) }));
  return {
    targets: checked.flatMap(({ context, content }) => {
      const volume = content?.target_volume;
      return volume === undefined ? [] : [{ context, volume }];
    }),
    problems: checked.flatMap(({ problems }) => problems),
  };
}

interface Fileset {
  readonly context: string | undefined;
  readonly tree: MapTree;
}

/** The filesets that stand in a map, itself or through its stacks. */
function filesetsIn(
  tree: Tree,
  contextOf: (key: string) => string | undefined,
): readonly Fileset[] {
  const own = entriesOf(child(tree, "filesets"));
  const ofStacks = entriesOf(child(tree, "stacks")).flatMap(([stack, stackTree]) =>
    entriesOf(child(stackTree, "filesets")).map(([, fileset]) => [stack, fileset] as const),
  );
  return [...own, ...ofStacks].flatMap(([key, fileset]) =>
    fileset.kind === "map" ? [{ context: contextOf(key), tree: fileset }] : [],
  );
}

function child(tree: Tree, key: string): Tree | undefined {
  return tree.kind === "map" ? tree.entries.get(key)?.value : undefined;
}

function entriesOf(tree: Tree | undefined): readonly (readonly [string, Tree])[] {
  if (tree?.kind !== "map") return [];
  return [...tree.entries].map(([key, { value }]) => [key, value]);
}
