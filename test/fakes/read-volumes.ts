import { archivedReply, tarOf } from "./archived.ts";
import { FakeEngine } from "./engine.ts";
import { runsHelpers, type FakeVerb } from "./helper.ts";

/** Volumes of an engine in memory that snapshots can be taken of: each holds one file, and changes when it is told to. */
export class ReadVolumes {
  /** By volume: what is in its only file, whose path is `file`. */
  readonly contents = new Map<string, string>();
  /** Of these tar says that it failed. */
  readonly unreadable = new Set<string>();
  /** What tar says of a volume, and is no failure. */
  readonly messages = new Map<string, readonly string[]>();
  readonly engine = new FakeEngine(
    runsHelpers({
      verbs: {
        archive: (call) => this.#archive(call),
        fingerprint: (call) => this.#fingerprint(call),
      },
      finish: () => 0,
    }),
  );

  constructor(...volumes: readonly string[]) {
    for (const volume of volumes) {
      this.engine.createVolume(volume);
      this.contents.set(volume, "first");
    }
  }

  /** A container that runs and can write to it. */
  writer(name: string, volume: string): void {
    const Mounts = [{ Type: "volume", Source: volume, Target: "/data" }];
    const { id } = this.engine.createContainer(name, { Image: "app:1", HostConfig: { Mounts } });
    this.engine.startContainer(id);
  }

  readonly #archive: FakeVerb = async ({ volume, output }) => {
    if (this.unreadable.has(volume)) {
      return { facts: { tar_status: "2" }, messages: ["tar: ./file: Read error: I/O error"] };
    }
    const tar = await tarOf({ file: this.contents.get(volume) ?? "" });
    const { data = tar, ...reply } = archivedReply(tar, {}, this.messages.get(volume) ?? []);
    output(data);
    return reply;
  };

  readonly #fingerprint: FakeVerb = ({ volume, output }) => {
    const content = this.contents.get(volume) ?? "";
    // A content of its own stands for a time of its own.
    const changed = 1_700_000_000 + Buffer.from(content).reduce((sum, byte) => sum + byte, 0);
    output(Buffer.from(`8 ${changed}.5 1.5 f 644 0 0 17 1 5 file\0\0`));
    return { facts: { file_system: "xfs", find_status: "0", time: "1700060000", boot: "one" } };
  };
}
