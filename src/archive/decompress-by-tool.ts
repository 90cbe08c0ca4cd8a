import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { freemem } from "node:os";
import { DockformError } from "../errors.ts";
import { shellWord } from "../format.ts";
import type { ByteSource } from "../byte-source.ts";
import { damaged } from "../tar/damage.ts";

export type Tool = "xz" | "bzip2";

/** What the environment says of options could switch off the check of what comes out. */
const SCRIPT = `unset XZ_DEFAULTS XZ_OPT BZIP BZIP2
command -v "$0" >/dev/null || exit 127
exec "$0" "$@"`;
const NO_SUCH_TOOL = 127;
const MESSAGE_LENGTH_MAX = 1000;
/** Of what is free. */
const MEMORY_OF_FREE = 0.8;

/**
 * What this machine's `xz` or `bzip2` makes of a file's bytes.
 *
 * @throws DockformError `refused` where there is no such tool, or no memory for it; `integrity` when it complains of
 * anything, even if it goes on.
 */
export async function* decompressByTool(
  stored: ByteSource,
  tool: Tool,
  name: string,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const limit = tool === "xz" ? [`--memlimit=${Math.floor(freemem() * MEMORY_OF_FREE)}`] : [];
  const child = spawn("sh", ["-c", SCRIPT, tool, "--decompress", "--stdout", ...limit]);
  const ended = endOf(child);
  const stop = (): boolean => child.kill("SIGKILL");
  signal?.addEventListener("abort", stop);
  const fed = feed(child, stored);
  fed.catch(stop);
  try {
    yield* child.stdout as AsyncIterable<Uint8Array>;
    const { code, said } = await ended;
    signal?.throwIfAborted();
    await fed;
    if (code === NO_SUCH_TOOL) throw missing(tool, name);
    if (code !== 0 || said !== "") throw failure(tool, name, said || `${tool} was killed`);
  } finally {
    signal?.removeEventListener("abort", stop);
    stop();
    await ended;
  }
}

async function endOf(
  child: ChildProcessWithoutNullStreams,
): Promise<{ readonly code: number | null; readonly said: string }> {
  let said = "";
  child.stderr.on("data", (piece: Buffer) => {
    said = (said + piece.toString()).slice(0, MESSAGE_LENGTH_MAX);
  });
  const spawned = new Promise<boolean>((resolve) => {
    child.once("error", () => resolve(false));
    child.once("spawn", () => resolve(true));
  });
  const closed = once(child, "close");
  closed.catch(() => {});
  if (!(await spawned)) return { code: NO_SUCH_TOOL, said };
  await closed;
  return { code: child.exitCode, said: said.trim().split("\n").at(-1) ?? "" };
}

/** One chunk after the other, for its memory is used again. A tool that stops reading says why. */
async function feed({ stdin }: ChildProcessWithoutNullStreams, stored: ByteSource): Promise<void> {
  stdin.on("error", () => {});
  for await (const chunk of stored) {
    const taken = await new Promise<boolean>((resolve) => {
      stdin.write(chunk, (error) => resolve(!error));
    });
    if (!taken) return;
  }
  stdin.end();
}

function failure(tool: Tool, name: string, said: string): DockformError {
  if (!/memory/i.test(said)) return damaged(name, said.replace(/^\w+: \(stdin\):? ?/, `${tool}: `));
  return new DockformError("archive.no-memory", `not enough memory to unpack ${name}: ${said}`, {
    hint: converted(tool, name, "Where there is more memory"),
  });
}

function missing(tool: Tool, name: string): DockformError {
  return new DockformError("archive.no-tool", `this machine has no ${tool} to unpack ${name}`, {
    hint: converted(tool, name, `Install it, or where there is one`),
  });
}

function converted(tool: Tool, name: string, where: string): string {
  return `${where}, pack it again: ${tool} -dc ${shellWord(name)} | zstd -o OTHER.tar.zst`;
}
