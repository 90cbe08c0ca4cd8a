import type { RootChoice } from "../archive/reshape.ts";
import { DockformError } from "../errors.ts";
import type { Aspect } from "../helper/message-groups.ts";
import { volumeToRestore } from "../restore/create.ts";
import type { RestoreReport, RestoreRequest } from "../restore/request.ts";
import { restoreVolume } from "../restore/restore.ts";
import type { Tools } from "../tools.ts";
import { typedPath } from "./typed-path.ts";
import type { Workspace } from "./workspace.ts";

/** A restore as a person asks for it. */
export interface RestoreOrder extends Omit<
  RestoreRequest,
  "target" | "store" | "archivePath" | "paths" | "root" | "without"
> {
  /** `[context/]volume`. */
  readonly volume: string;
  /** `latest`, `latest~1`, a time or its beginning, or the path of a data file. */
  readonly snapshot: string;
  /** Only these paths of it, as typed; everything where there is none. */
  readonly path: readonly string[];
  /** Only what is in the one folder so deep in the archive. */
  readonly stripComponents: number | undefined;
  /** Only what is in this folder of the archive. */
  readonly from: string | undefined;
  readonly without: readonly Aspect[];
}

/**
 * Finds the volume and the snapshot, and restores it.
 *
 * @throws DockformError for options that do not go together, and as {@link restoreVolume} does.
 */
export async function restoreNamed(
  workspace: Workspace,
  order: RestoreOrder,
  tools: Tools,
): Promise<RestoreReport> {
  refuseNoPath(order);
  refuseTwoRoots(order);
  refuseToKeepPart(order);
  refuseBoth(order);
  refuseToDiscardForNothing(order);
  const { volume, snapshot, path, stripComponents: _, from: __, without, ...options } = order;
  const target = await workspace.target(volume);
  const snapshots = workspace.catalog();
  const found = await snapshots
    .find(snapshot, `${target.context}/${target.volume}`)
    .catch(async (error: unknown) => {
      // Of a volume that is not there, or not declared, there may be none; then that is what is wrong.
      await volumeToRestore({ target, ...options }, tools, { hasSnapshot: false });
      throw error;
    });
  const { store, archivePath } = found;
  const paths = path.map(typedPath);
  const root = rootChoice(order);
  const request = { ...options, target, store, archivePath, paths, root };
  return await restoreVolume({ ...request, without: new Set(without) }, tools);
}

function rootChoice({ stripComponents, from }: RestoreOrder): RootChoice | undefined {
  if (stripComponents !== undefined) return { kind: "strip", components: stripComponents };
  return from === undefined ? undefined : { kind: "from", path: typedPath(from) };
}

/** Nothing at all would mean everything: that comes from a variable that is not set. */
function refuseNoPath({ path, from }: RestoreOrder): void {
  if (!path.includes("") && from !== "") return;
  throw new DockformError("archive.path-invalid", "the path of a part of the archive is empty", {
    advice: [{ code: "path-as-listed" }],
  });
}

function refuseTwoRoots({ stripComponents, from }: RestoreOrder): void {
  if (stripComponents === undefined || from === undefined) return;
  throw new DockformError(
    "command.options-conflict",
    "the folder to be restored is given both by its name and by its depth",
    { hint: "Give one of them." },
  );
}

/** What is kept is a volume's whole contents, and so is what a restore in place clears. */
function refuseToKeepPart({ path, keepPrevious, keepFailed, inPlace }: RestoreOrder): void {
  if (path.length === 0 || !(keepPrevious || keepFailed || inPlace)) return;
  throw new DockformError(
    "command.options-conflict",
    "a restore of single paths cannot be combined with keeping contents or replacing them in place",
    { advice: [{ code: "keep-no-part" }] },
  );
}

/** It says what becomes of contents that are kept where others are to be kept. */
function refuseToDiscardForNothing({ discardKept, keepPrevious, keepFailed }: RestoreOrder): void {
  if (!discardKept || keepPrevious || keepFailed) return;
  throw new DockformError(
    "command.options-conflict",
    "kept contents are discarded only where new contents are to be kept",
    { advice: [{ code: "keep-something" }] },
  );
}

/** @throws DockformError `usage`. */
export function refuseBoth({
  without,
  strictAttributes,
}: Pick<RestoreOrder, "without" | "strictAttributes">): void {
  if (!strictAttributes || !without.includes("attributes")) return;
  throw new DockformError(
    "command.options-conflict",
    "attributes cannot be both required and left out",
    { advice: [{ code: "choose-attributes" }] },
  );
}
