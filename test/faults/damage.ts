import { open, readFile, rm, stat, truncate } from "node:fs/promises";
import type { Findings } from "./judge.ts";
import { judge, lookAround } from "./judge.ts";
import { type Damage, type Place } from "./plan.ts";
import type { Scene } from "./scene.ts";
import { otherThan } from "./scene.ts";
import { restoreFrom } from "./strike.ts";
import { type Verdict, contentsOf } from "./verdict.ts";

/** A damaged snapshot is refused, or restored to the last bit: nothing in between. */
export async function damaged(
  scene: Scene,
  fault: Damage,
  findings: Findings,
): Promise<Verdict["outcome"]> {
  const before = await contentsOf(scene);
  const after = otherThan(before);
  const usersBefore = await scene.users();
  const pair = await scene.copyOfArchive(after, fault.format);
  if (!fault.vouchedFor) await rm(pair.sidecar);
  const doDamage = (): Promise<void> =>
    inflict(fault.file === "archive" ? pair.archive : pair.sidecar, fault);
  const args = await restoreFrom(scene, pair.archive);
  if (fault.when === "before") await doDamage();
  const child = scene.sandbox.start(args);
  let delivered = true;
  if (fault.when === "after the check") {
    delivered = await child.said("phase: extract").then(
      () => true,
      () => false,
    );
    await doDamage();
  }
  const result = await child.ended;
  findings.heard(args.join(" "), result);
  await Promise.all([rm(pair.archive), rm(pair.sidecar, { force: true })]);
  const aftermath = await lookAround(scene, findings);
  const expected = {
    mayHold: result.code === 0 ? [after] : [before],
    keeps: undefined,
    engineDied: false,
  };
  const holds = await judge(scene, aftermath, expected, findings);
  if (
    fault.file === "archive" &&
    fault.vouchedFor &&
    fault.when === "before" &&
    result.code !== 4
  ) {
    findings.problem(`a sidecar's checksum was wrong, and the command ended with ${result.code}`);
  }
  if (result.code === 4 || result.code === 3) {
    const moved = (await scene.users()).some((user, i) => {
      return user.startedAt !== usersBefore[i]?.startedAt;
    });
    if (moved) findings.problem("refused, and yet a container was stopped");
  }
  if (!delivered) return "missed";
  return holds === before ? "old" : "new";
}

async function inflict(file: string, fault: Damage): Promise<void> {
  const { size } = await stat(file);
  const offset = await offsetOf(file, size, fault);
  if (fault.how === "truncate") return truncate(file, offset);
  const handle = await open(file, "r+");
  try {
    const byte = Buffer.alloc(1);
    await handle.read(byte, 0, 1, offset);
    byte.writeUInt8(byte.readUInt8() ^ (1 << fault.bit));
    await handle.write(byte, 0, 1, offset);
  } finally {
    await handle.close();
  }
}

/** The byte that a place and a part of it stand for. */
async function offsetOf(file: string, size: number, fault: Damage): Promise<number> {
  const [start, length] = await rangeOf(file, size, fault);
  const last = size - 1;
  return Math.max(0, Math.min(last, start + Math.floor(length * fault.fraction)));
}

/** Named places that do not depend on what is in the file. */
function fixedRanges(
  size: number,
): Partial<Record<Place, readonly [start: number, length: number]>> {
  const middle: readonly [number, number] = [Math.floor(size / 2) - 500, 1000];
  return {
    anywhere: [0, size],
    magic: [0, 4],
    "frame header": [4, 10],
    "first block": [14, 1000],
    middle,
    data: middle,
    "last block": [size - 1000, 990],
    "frame end": [size - 10, 6],
    "checksum trailer": [size - 4, 4],
    "first name": [0, 100],
    "size field": [124, 12],
    "header checksum": [148, 8],
    "last entry": [size - 10_240 - 1024, 1024],
    "end mark": [size - 1024, 1024],
    "opening brace": [0, 1],
    "closing brace": [size - 3, 3],
  };
}

async function rangeOf(
  file: string,
  size: number,
  { place }: Damage,
): Promise<readonly [start: number, length: number]> {
  const fixed = fixedRanges(size)[place];
  if (fixed !== undefined) return fixed;
  const text = await readFile(file, "latin1");
  const at = text.indexOf(`"${place}"`);
  if (at < 0) throw new Error(`the sidecar has no ${place}`);
  // The name and what follows it, which is at least the beginning of its value.
  return [at, place.length + 12];
}
