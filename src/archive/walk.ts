import type { Stats } from "node:fs";
import { lstat, mkdir, readlink, rmdir } from "node:fs/promises";
import { systemCode } from "../errors.ts";
import type { ByteText } from "../tar/header.ts";
import { HeldFolder, unlessGone } from "./held-folder.ts";

const OTHERS_MAY_WRITE = 0o022;
const STICKY = 0o1000;
const LINKS_MAX = 40;

/** A walk down a path, one folder at a time, so that nobody can lead it elsewhere meanwhile. */
export class Walk implements AsyncDisposable {
  readonly #held = new AsyncDisposableStack();
  readonly #made: { readonly parent: HeldFolder; readonly name: ByteText }[] = [];
  readonly #mode: number;
  readonly #userId: number | undefined;
  #steps: string[];
  #links = 0;
  #isKept = false;

  /**
   * @param path absolute
   * @param mode of the folder at its end where that is made, less what the user's mask takes away
   * @param userId the number of the user that this process runs as, where users have numbers
   */
  constructor(path: string, mode: number, userId: number | undefined) {
    this.#userId = userId;
    this.#steps = stepsOf(path);
    this.#mode = mode;
  }

  /**
   * Goes to the end, and makes the folders that are missing.
   *
   * @throws Error of the system; `ELOOP` for a link that another user can change.
   */
  async go(): Promise<HeldFolder> {
    const root = this.#held.use(await HeldFolder.open(Buffer.from("/")));
    let at = root;
    for (let step = this.#steps.shift(); step !== undefined; step = this.#steps.shift()) {
      const name = Buffer.from(step).toString("latin1");
      const target = await this.#linkAt(at, name);
      if (target === undefined) at = this.#held.use(await this.#enter(at, name));
      else {
        this.#steps = [...stepsOf(target), ...this.#steps];
        if (target.startsWith("/")) at = root;
      }
    }
    return at;
  }

  /** From now on, what was made on the way stays. */
  keep(): void {
    this.#isKept = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      if (!this.#isKept) await this.#removeMade();
    } finally {
      await this.#held.disposeAsync();
    }
  }

  async #removeMade(): Promise<void> {
    for (const { parent, name } of this.#made.toReversed()) {
      // Somebody may have put something into it, or taken it away.
      await unlessGone(rmdir(parent.place(name)));
    }
  }

  async #enter(at: HeldFolder, name: ByteText): Promise<HeldFolder> {
    try {
      return await at.enter(name);
    } catch (error) {
      if (systemCode(error) !== "ENOENT") throw error;
    }
    await mkdir(at.place(name), { mode: this.#steps.length > 0 ? 0o777 : this.#mode });
    this.#made.push({ parent: at, name });
    return at.enter(name);
  }

  /** Where a link leads; `undefined` for all else. */
  async #linkAt(at: HeldFolder, name: ByteText): Promise<string | undefined> {
    if ((await at.kindOf(name)) !== "other") return undefined;
    const link = await lstat(at.place(name));
    if (!link.isSymbolicLink()) return undefined;
    const folder = await at.stat();
    const isFixed = (folder.mode & OTHERS_MAY_WRITE) === 0 || (folder.mode & STICKY) !== 0;
    this.#links += 1;
    if (isFixed && this.#isOurs(folder) && this.#isOurs(link) && this.#links <= LINKS_MAX) {
      return readlink(at.place(name));
    }
    throw Object.assign(new Error("it is a link that another user can change"), { code: "ELOOP" });
  }

  #isOurs({ uid }: Stats): boolean {
    return uid === 0 || uid === this.#userId || this.#userId === undefined;
  }
}

function stepsOf(path: string): string[] {
  return path.split("/").filter((step) => step !== "" && step !== ".");
}
