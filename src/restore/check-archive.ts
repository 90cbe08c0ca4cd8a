import type { RootWay } from "../advice.ts";
import { DockformError } from "../errors.ts";
import { storedChecksum, type Sidecar } from "../snapshot/sidecar.ts";
import type { ByteText } from "../tar/header.ts";
import type { Layout } from "../tar/layout.ts";
import { displayText } from "../tar/path.ts";
import { checksumMismatch, type Archive, type ArchiveContents } from "../archive/archive.ts";
import { leavesAsItIs, ReshapedArchive, shown } from "../archive/reshape.ts";
import { expectCounted } from "./expected.ts";
import type { CheckedContents } from "./new-contents.ts";
import type { VolumeRestore } from "./request.ts";
import { selectPaths } from "../archive/selected-paths.ts";
import { readAll, refuseEmpty, surveyArchive, type Room, type Survey } from "../archive/survey.ts";
import type { Tools } from "../tools.ts";

/** An archive, or a part of it, or what is left of it where a folder of it is to be the root, that was checked. */
export interface CheckedArchive extends CheckedContents {
  readonly sidecar: Sidecar | undefined;
  readonly contents: ArchiveContents;
  /** Entries outside the folder that is to be the root. */
  readonly outsideEntries: number;
}

type Wanted = Pick<VolumeRestore, "target" | "paths" | "root" | "forceEmpty">;

/**
 * Checks all of an archive that can be checked without the volume.
 *
 * @throws DockformError `integrity`, `usage`, `refused`.
 */
export async function checkArchive(
  archive: Archive,
  sidecar: Sidecar | undefined,
  wanted: Wanted,
  room: () => Promise<Room>,
  tools: Tools,
): Promise<CheckedArchive> {
  const { root, paths } = wanted;
  const isReshaped = root !== undefined && !leavesAsItIs(root);
  const source = isReshaped ? new ReshapedArchive(archive, root, tools.signal) : archive;
  const part =
    paths.length > 0
      ? await selectPaths(source, sidecar, paths, tools)
      : await checkWhole(source, sidecar, wanted, room, tools);
  // Our own snapshots hold what a volume held, be it one folder.
  if (part.layout !== undefined && sidecar?.format_version === undefined) {
    if (root === undefined) refuseWrapped(archive, part.layout, wanted);
    else if (isReshaped) warnOfWrapped(part.layout, tools);
  }
  const outsideEntries = source instanceof ReshapedArchive ? source.outsideEntries : 0;
  return {
    ...part,
    expected: expectCounted(part.source, part.contents),
    isAsStored: part.source === archive,
    sidecar,
    outsideEntries,
  };
}

async function checkWhole(
  source: Archive | ReshapedArchive,
  sidecar: Sidecar | undefined,
  { forceEmpty }: Wanted,
  room: () => Promise<Room>,
  tools: Tools,
): Promise<Pick<CheckedArchive, "source" | "contents" | "paths"> & Pick<Survey, "layout">> {
  const survey =
    source instanceof ReshapedArchive
      ? await readAll(source, await room(), tools)
      : await surveyArchive(source, sidecar, room, tools);
  const { contents, layout } = survey;
  const expected = sidecar && storedChecksum(sidecar, source.format);
  if (expected !== undefined && contents.sha256 !== expected) {
    throw checksumMismatch(source, expected, contents.sha256);
  }
  refuseEmpty(source, survey, forceEmpty);
  return { source, contents, paths: undefined, layout };
}

/** The folder in which the engine keeps a volume's contents, within the volume's own. */
const ENGINES_FOLDER = "_data";

/**
 * Where everything lies in one folder, and the archive tells nothing of the root beside it, it is hardly what a volume
 * held: other programs pack the folder that a volume was mounted on, or the one in which the engine keeps it.
 *
 * @throws DockformError `refused`.
 */
function refuseWrapped(
  { path }: Archive,
  { hasRoot, common, names }: Layout,
  { target }: Wanted,
): void {
  if (common.length === 0 || (hasRoot && common[0] !== ENGINES_FOLDER)) return;
  const wrapper = hasRoot ? [ENGINES_FOLDER] : common;
  const folder = shown(wrapper);
  const inside = common.length > wrapper.length ? [shown(common.slice(1, 2))] : [...names.keys()];
  const contents = inside.length === 0 ? "is empty" : `holds ${inside.map(displayText).join(", ")}`;
  const inner = hasRoot ? undefined : folderFor(target.volume, names);
  const ways: readonly RootWay[] = [
    ...(inner === undefined
      ? []
      : [{ kind: "folder", folder: shown([...common, inner]) } as const]),
    { kind: "strip", folder, components: wrapper.length },
    { kind: "as it is" },
  ];
  throw new DockformError(
    "archive.in-one-folder",
    `all of ${path} lies in the folder ${folder}, which ${contents}`,
    {
      hint: "Nothing was touched.",
      advice: [{ code: "choose-root", volume: target.volume, ways }],
      data: { folder, depth: wrapper.length },
    },
  );
}

/** The one of several folders that is called like a volume, with the name of its project or without. */
function folderFor(volume: string, names: Layout["names"]): ByteText | undefined {
  const folders = [...names].flatMap(([name, kind]) => (kind === "folder" ? [name] : []));
  const alike = folders.filter((name) => name === volume || volume.endsWith(`_${name}`));
  if (names.size < 2 || folders.length < names.size) return undefined;
  return alike.toSorted((a, b) => b.length - a.length)[0] ?? folders[0];
}

/** Where too few folders were taken off. */
function warnOfWrapped({ common }: Layout, { log }: Tools): void {
  if (common.length === 0) return;
  log.warn(`what is restored has only one more folder at its top, ${shown(common)}`);
}
