import { DockformError, type Advice } from "../errors.ts";
import { formatBytes } from "../format.ts";
import type { Sidecar } from "../snapshot/sidecar.ts";
import { EXTRACT_ALL, PACK_ALL } from "../tar/damage.ts";
import { BLOCK_BYTES } from "../tar/input.ts";
import { Layout } from "../tar/layout.ts";
import { displayText, entryPath, ROOT_PATH } from "../tar/path.ts";
import { countedContents, verifyChecksum, type Archive, type ArchiveContents } from "./archive.ts";
import { ArchivePass } from "./pass.ts";
import type { ArchiveSource } from "./source.ts";
import type { Tools } from "../tools.ts";

/** An archive that was checked as far as it can be without extracting it. */
export interface Survey {
  readonly contents: ArchiveContents;
  /** Whether a restore of it would leave nothing, and nobody has said that this is how it should be. */
  readonly isEmpty: boolean;
  /** Where its entries lie; `undefined` where they were not looked at. */
  readonly layout: Layout | undefined;
}

/** What there is for an archive's contents. */
export interface Room {
  readonly bytes: number;
  /** What else there is to do where that is too little, as a full sentence. */
  readonly hint: string;
  readonly advice: readonly Advice[];
}

/**
 * Checks an archive: against its sidecar's checksum, and by reading all of it where no sidecar of ours has counted
 * what is in it. Sizes are then what was read, whatever the sidecar says.
 *
 * @throws DockformError `integrity` when it is damaged or not what its sidecar says; `refused` when it holds more than
 * there is room for, or only a part of what it was made of.
 */
export async function surveyArchive(
  archive: Archive,
  sidecar: Sidecar | undefined,
  room: () => Promise<Room>,
  tools: Tools,
): Promise<Survey> {
  if (sidecar !== undefined) {
    const sha256 = await verifyChecksum(archive, sidecar, tools.startProgress, tools.signal);
    const contents = countedContents(sidecar, sha256);
    // A root folder alone is a snapshot of an empty volume.
    if (contents !== undefined)
      return { contents, isEmpty: contents.entries === 0, layout: undefined };
  }
  return readAll(archive, await room(), tools);
}

/** As {@link surveyArchive}, of any source of entries, whatever a sidecar says. */
export async function readAll(archive: ArchiveSource, room: Room, tools: Tools): Promise<Survey> {
  using pass = new ArchivePass(archive, "Checking", tools, {
    bytes: room.bytes,
    exceeded: () => tooLarge(archive, room),
  });
  const { reader } = pass;
  let isEmpty = true;
  const layout = new Layout();
  for await (const { path: stored, type } of reader.entries()) {
    const path = entryPath(stored);
    if (path !== ROOT_PATH) isEmpty = false;
    layout.add(path, type);
  }
  refusePartial(archive, reader.notDumped);
  // As tar counts: it fills up what is left of a last block.
  const tarBytes = Math.ceil(reader.tarBytes / BLOCK_BYTES) * BLOCK_BYTES;
  const { listedEntries: entries } = reader;
  return { contents: { tarBytes, entries, sha256: pass.sha256() }, isEmpty, layout };
}

function tooLarge({ path }: ArchiveSource, { bytes, hint, advice }: Room): DockformError {
  return new DockformError(
    "volume.no-room",
    `${path} holds more than the ${formatBytes(bytes)} that the volume's file system has room for`,
    { hint: `Nothing was touched. ${hint}`, advice },
  );
}

/**
 * An incremental dump names the files that it leaves to the dump before it, and those that were excluded.
 *
 * @throws DockformError `refused`.
 */
export function refusePartial(
  { path }: Pick<Archive, "path">,
  notDumped: string | undefined,
): void {
  if (notDumped === undefined) return;
  throw new DockformError(
    "archive.incremental",
    `${path} is an incremental dump (tar --listed-incremental) that leaves out files that it names, first ${displayText(notDumped)}: files that are in the dump before it, or that were excluded when it was made`,
    {
      hint: `As root, extract the full dump into an empty folder, then each later one in order, each with \`tar --listed-incremental=/dev/null ${EXTRACT_ALL} DUMP\`; pack the result with \`${PACK_ALL}\` and restore that.`,
    },
  );
}

/**
 * @throws DockformError `refused` for an archive that would leave the volume empty, where that is not asked for.
 */
export function refuseEmpty(
  { path }: Pick<Archive, "path">,
  { isEmpty }: Survey,
  forceEmpty: boolean,
): void {
  if (!isEmpty || forceEmpty) return;
  throw holdsNothing(path, "Nothing was touched.", [{ code: "allow-empty" }]);
}

export function holdsNothing(
  path: string,
  hint: string,
  advice: readonly Advice[] = [],
): DockformError {
  return new DockformError("archive.empty", `${path} is whole, but holds no files`, {
    hint,
    advice,
  });
}
