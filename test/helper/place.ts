/** The helper's script run here, without an engine. */
import assert from "node:assert/strict";
import { spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Readable, Writable } from "node:stream";
import { hostRecipe } from "../../src/helper/host-rootfs.ts";
import { helperScript } from "../../src/helper/script.ts";
import { attempt } from "../oracle/host.ts";

/** What an image of this machine's tools has: nothing else is found. */
async function linkTools(folder: string): Promise<string> {
  const recipe = await hostRecipe({
    platform: process.platform,
    machine: "",
    path: process.env["PATH"] ?? "",
    temporaryFolder: folder,
  });
  assert.ok(recipe, "a tool that a helper needs is missing here");
  const tools = join(folder, "tools");
  await mkdir(tools);
  for (const [name, file] of recipe.tools) await symlink(file, join(tools, name));
  return tools;
}

/** A process of the script. */
export interface Begun {
  readonly child: ChildProcessByStdio<Writable, null, Readable>;
  /** On its standard error. */
  readonly said: string;
  /** Its exit code. */
  readonly ended: Promise<number>;
}

/** A volume and the script that takes it for its own. */
export class Place implements AsyncDisposable {
  readonly folder: string;
  readonly volume: string;
  /** Folders in which the script looks for tools. */
  #path: readonly string[];

  private constructor(folder: string, volume: string, tools: string) {
    this.folder = folder;
    this.volume = volume;
    this.#path = [tools];
  }

  /**
   * @param files by their paths in the volume; a path that ends with a slash is an empty folder.
   * @param volume a folder that is there, if not one of its own.
   */
  static async create(files: Readonly<Record<string, string>>, volume?: string): Promise<Place> {
    const folder = await mkdtemp(join(tmpdir(), "dockform-script-"));
    const tools = await linkTools(folder);
    const place = new Place(folder, volume ?? join(folder, "volume"), tools);
    await mkdir(place.volume, { recursive: true });
    await mkdir(join(folder, "scratch"));
    for (const [path, content] of Object.entries(files)) {
      const full = join(place.volume, path);
      await mkdir(path.endsWith("/") ? full : dirname(full), { recursive: true });
      if (!path.endsWith("/")) await writeFile(full, content);
    }
    const here = helperScript()
      .replace(/^volume=.*$/m, `volume=${place.volume}`)
      .replace(/^scratch=/m, `$&${folder}`);
    await writeFile(join(place.folder, "helper.sh"), here);
    return place;
  }

  /** Calls a verb; one that hangs is ended. Returns what it says. */
  async call(...verb: readonly string[]): Promise<string> {
    const { stderr } = await attempt("timeout", this.#args(verb));
    return stderr;
  }

  /** What a helper ends with whose client asks for these verbs and dies. */
  async serve(...verbs: readonly (readonly string[])[]): Promise<number> {
    const input = Buffer.from(verbs.map((verb) => `${verb.join(" ")}\n`).join(""));
    const { code } = await attempt("timeout", this.#args(["serve"]), { input });
    return code;
  }

  /** A helper, or with a verb an exec in it, that is asked and fed while it runs. Ended after half a minute. */
  begin(...words: readonly string[]): Begun {
    const child = spawn("timeout", this.#args(words), { stdio: ["pipe", "ignore", "pipe"] });
    child.stdin.on("error", () => {});
    const begun = { child, said: "", ended: once(child, "exit").then(([code]) => Number(code)) };
    child.stderr.on("data", (bytes: Buffer) => (begun.said += String(bytes)));
    return begun;
  }

  #args(words: readonly string[]): readonly string[] {
    const variables = ["DOCKFORM_MARK==mark=", `PATH=${this.#path.join(":")}`];
    const script = ["sh", join(this.folder, "helper.sh"), ...words];
    return ["--signal=KILL", "30", "env", ...variables, ...script];
  }

  /** Has the script have another value of a setting from now on. */
  async set(name: string, value: string): Promise<void> {
    const file = join(this.folder, "helper.sh");
    const script = await readFile(file, "utf8");
    const other = script.replace(new RegExp(`^${name}=.*$`, "m"), `${name}=${value}`);
    assert.notEqual(other, script);
    await writeFile(file, other);
  }

  /** Has a program do something else from now on. */
  async replace(program: string, script: string): Promise<void> {
    const folder = join(this.folder, "bin");
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, program), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    this.#path = [folder, ...this.#path];
  }

  async mode(path: string): Promise<number> {
    return (await stat(join(this.volume, path))).mode & 0o7777;
  }

  /** Seconds since 1970. */
  async modified(path: string): Promise<number> {
    return (await stat(join(this.volume, path))).mtimeMs / 1000;
  }

  async names(path = ""): Promise<readonly string[]> {
    return (await readdir(join(this.volume, path))).toSorted();
  }

  async content(path: string): Promise<string> {
    return readFile(join(this.volume, path), "utf8");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true });
  }
}
