import type { Room } from "../archive/survey.ts";
import type { ReadingWarnings } from "../capture/warnings.ts";
import type { EngineVolume } from "../engine/volumes.ts";
import { DockformError } from "../errors.ts";
import { formatBytes } from "../format.ts";
import { shortcomings } from "../helper/archived.ts";
import type { VolumeVerbs } from "../helper/verbs.ts";
import type { VolumeTarget } from "../lock/target.ts";
import type { ExpectedContents } from "../restore/expected.ts";
import type { CheckedContents, NewContents, OpenContents } from "../restore/new-contents.ts";
import type { Refusals } from "../restore/refusals.ts";
import type { VolumeShape } from "../snapshot/spec-hash.ts";
import type { Tools } from "../tools.ts";
import { shapeOfCopy } from "./shape.ts";
import { VolumeStream } from "./volume-stream.ts";

/** What a volume holds, as the new contents of another one. */
export interface CopiedVolume {
  readonly target: VolumeTarget;
  readonly volume: EngineVolume;
  /** Of a helper that reads it. */
  readonly verbs: VolumeVerbs;
  readonly warnings: ReadingWarnings;
}

/** What was read of a volume that was copied. */
export interface CopyRead {
  readonly tarBytes: number;
  readonly entries: number;
  /** What says that the copy may lack something; empty where it does not. */
  readonly shortcomings: readonly string[];
}

/** A volume as the new contents of another one, in one pass and with no file in between. */
export class VolumeContents implements NewContents {
  readonly #source: CopiedVolume;
  readonly #project: string | undefined;
  readonly #compression: "none" | "zstd";
  #read: CopyRead | undefined;

  constructor(
    source: CopiedVolume,
    options: { readonly project: string | undefined; readonly compression: "none" | "zstd" },
  ) {
    this.#source = source;
    this.#project = options.project;
    this.#compression = options.compression;
  }

  get title(): string {
    const { context, volume } = this.#source.target;
    return `volume ${context}/${volume}`;
  }

  /** To be asked for once it was copied; `undefined` before. */
  get read(): CopyRead | undefined {
    return this.#read;
  }

  async open(
    target: VolumeTarget,
    volume: EngineVolume | undefined,
    _refusals: Refusals,
    tools: Tools,
  ): Promise<OpenContents> {
    // Also of a volume that is there already: a name that Compose would not find is no use.
    const shape = (): VolumeShape => shapeOfCopy(this.#source.volume, target, this.#project);
    if (volume !== undefined && this.#project !== undefined) shape();
    return {
      shape,
      check: (room) => this.#check(target, room, tools),
      [Symbol.asyncDispose]: async () => {},
    };
  }

  async #check(
    target: VolumeTarget,
    room: () => Promise<Room>,
    tools: Tools,
  ): Promise<CheckedContents> {
    const { verbs, target: source } = this.#source;
    const stream = new VolumeStream(verbs, source, this.#compression, tools.signal);
    const expected = this.#expected(stream, target, await room());
    return { source: stream, contents: undefined, expected, isAsStored: false, paths: undefined };
  }

  #expected(stream: VolumeStream, target: VolumeTarget, { bytes }: Room): ExpectedContents {
    return {
      limitBytes: Math.min(bytes, Number.MAX_SAFE_INTEGER),
      overLimit: () => tooLarge(stream.path, target.volume, bytes),
      entries: undefined,
      holds: undefined,
      counted: async () => {
        const { tarBytes, entries, remarks } = stream.outcome;
        this.#source.warnings.remarks(remarks.map(({ text }) => text));
        this.#read = { tarBytes, entries, shortcomings: shortcomings(remarks) };
        return { tarBytes, entries };
      },
    };
  }
}

function tooLarge(source: string, volume: string, roomBytes: number): DockformError {
  return new DockformError(
    "volume.no-room",
    `${source} holds more than the ${formatBytes(roomBytes)} that the file system of volume "${volume}" has room for`,
    { hint: "Nothing was replaced. Make room on it, then copy again." },
  );
}
