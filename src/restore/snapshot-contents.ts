import { Archive } from "../archive/archive.ts";
import { recordingDamage } from "../archive/record-damage.ts";
import type { Room } from "../archive/survey.ts";
import type { EngineVolume } from "../engine/volumes.ts";
import type { VolumeTarget } from "../lock/target.ts";
import type { Sidecar } from "../snapshot/sidecar.ts";
import type { VolumeShape } from "../snapshot/spec-hash.ts";
import type { Tools } from "../tools.ts";
import { checkArchive, type CheckedArchive } from "./check-archive.ts";
import { shapeToCreate } from "./create.ts";
import type { NewContents, OpenContents } from "./new-contents.ts";
import { refuseStranger, warnAboutSidecar } from "./origin.ts";
import type { Refusals } from "./refusals.ts";
import type { VolumeRestore } from "./request.ts";

/** A snapshot as the new contents of a volume. */
export class SnapshotContents implements NewContents {
  readonly #request: VolumeRestore;
  #checked: CheckedArchive | undefined;

  constructor(request: VolumeRestore) {
    this.#request = request;
  }

  get title(): string {
    return this.#request.archivePath;
  }

  /** What was found of it; to be asked for once a plan was made. */
  get checked(): CheckedArchive {
    if (this.#checked === undefined) throw new Error(`${this.title} was not checked`);
    return this.#checked;
  }

  /** @throws DockformError `refused` for a snapshot of another volume; as {@link Archive.open} does. */
  async open(
    target: VolumeTarget,
    volume: EngineVolume | undefined,
    refusals: Refusals,
    tools: Tools,
  ): Promise<OpenContents> {
    await using stack = new AsyncDisposableStack();
    const archive = stack.use(await Archive.open(this.#request));
    const sidecar = await archive.sidecar();
    refusals.collect(() => refuseStranger(this.#request, sidecar));
    warnAboutSidecar(archive, sidecar, volume, target, tools);
    const held = stack.move();
    return {
      shape: (created): VolumeShape => shapeToCreate(created, sidecar),
      check: (room) => this.#check(archive, sidecar, room, tools),
      [Symbol.asyncDispose]: () => held[Symbol.asyncDispose](),
    };
  }

  async #check(
    archive: Archive,
    sidecar: Sidecar | undefined,
    room: () => Promise<Room>,
    tools: Tools,
  ): Promise<CheckedArchive> {
    this.#checked = await recordingDamage(this.#request, tools, () =>
      checkArchive(archive, sidecar, this.#request, room, tools),
    );
    return this.#checked;
  }
}
