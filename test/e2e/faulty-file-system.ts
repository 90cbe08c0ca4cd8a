import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { attempt, needProgram } from "../oracle/host.ts";
import { until } from "./cli-process.ts";

/** What is wrong with the files of a {@link FaultyFileSystem}; files are named without their folder. */
export interface Faults {
  /** How many blocks each file is said to have. */
  readonly blocks?: number;
  /** Files that are said to have none. */
  readonly no_blocks?: readonly string[];
  /** The offset from which reading fails. */
  readonly read_error?: Readonly<Record<string, number>>;
  /** The offset at which its content seems to end. */
  readonly short_read?: Readonly<Record<string, number>>;
  /** Of those with a read error, the ones that can be read when they are opened once more. */
  readonly heals?: readonly string[];
  readonly list_error?: readonly string[];
  readonly get_error?: readonly string[];
  readonly no_attributes?: boolean;
  /** Shown, but opening says that there are none. */
  readonly hidden?: readonly string[];
}

const PROGRAM = new URL("faulty_file_system.py", import.meta.url).pathname;

/** A folder shown through FUSE, read-only, with faults. */
export class FaultyFileSystem implements AsyncDisposable {
  /** What is shown, without the faults. */
  readonly source: string;
  readonly folder: string;
  readonly #place: string;
  readonly #server: ChildProcess;

  private constructor(place: string, faults: Faults) {
    this.#place = place;
    this.source = join(place, "source");
    this.folder = join(place, "mounted");
    this.#server = spawn(
      "/usr/bin/python3",
      [PROGRAM, this.source, this.folder, JSON.stringify(faults)],
      { stdio: "inherit" },
    );
  }

  /** @param fill makes what is shown. */
  static async create(
    faults: Faults,
    fill: (folder: string) => Promise<unknown>,
  ): Promise<FaultyFileSystem> {
    await needProgram("/usr/lib/python3/dist-packages/fusepy.py", "python3-fusepy");
    const place = await mkdtemp(join(tmpdir(), "dockform-fs-"));
    for (const name of ["source", "mounted"]) await mkdir(join(place, name));
    await fill(join(place, "source"));
    const made = new FaultyFileSystem(place, faults);
    await until("it is mounted", async () => {
      const { code } = await attempt("mountpoint", ["-q", made.folder]);
      return code === 0;
    });
    return made;
  }

  /** For a volume of the `local` driver on it. */
  get driverOpts(): Readonly<Record<string, string>> {
    return { type: "none", o: "bind", device: this.folder };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#server, "exit");
    await attempt("umount", ["--lazy", this.folder]);
    this.#server.kill();
    await ended;
    await rm(this.#place, { recursive: true, force: true });
  }
}
