/** Whether a volume and its containers are as promised after a fault. */
import { createHash } from "node:crypto";
import { mkdtemp, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { CliResult } from "../e2e/cli-process.ts";
import { attempt, exists } from "../oracle/host.ts";
import { describeTree, removeTree } from "../oracle/tree.ts";
import type { Contents, Inventory, Scene, UserState } from "./scene.ts";
import { recoverCommand } from "./strike.ts";

/** A helper whose client is gone has to come to its end by itself. */
const HELPER_LIMIT_MS = 60_000;
const HELPER_POLL_MS = 50;
const SILENCE_LIMIT_MS = 90_000;
const RECOVERIES = 6;
const RECOVERY_PAUSE_MS = 500;
const ACTIVE = new Set(["running", "paused", "restarting"]);
const KEPT = ".dockform-kept";
const LEFT_OVER = /left by an engine that died/;
const IN_THE_WAY = /already exists|id already in use|file exists/;
/** Names of containers that are never started and say what was stopped, and what is kept. */
const STOPPED_RECORD = "dockform-stopped-containers-";
const KEPT_RECORD = "dockform-kept-contents-";

/** What is known after a fault, and before anybody has recovered from it. */
export interface Aftermath {
  readonly inventory: Inventory;
  readonly users: readonly UserState[];
  /** Whether an operation left word of the containers that it had stopped. */
  readonly recorded: boolean;
}

/** Problems are collected, not thrown: one loss must not hide another. */
export class Findings {
  readonly problems: string[] = [];
  /** Containers that the engine cannot start any more, whoever asks. */
  readonly unstartable: string[] = [];
  readonly transcript: string[] = [];

  problem(text: string): void {
    this.problems.push(text);
  }

  heard(what: string, { code, stdout, stderr }: CliResult): void {
    this.transcript.push(`$ ${what}  [${code}]`, stdout.trimEnd(), stderr.trimEnd());
  }

  note(text: string): void {
    this.transcript.push(text);
  }
}

/** Waits for the dust to settle and looks at what is there. */
export async function lookAround(scene: Scene, findings: Findings): Promise<Aftermath> {
  const deadline = Date.now() + HELPER_LIMIT_MS;
  let helpers = await scene.workers();
  while (helpers.some(({ state }) => state === "running")) {
    if (Date.now() > deadline) {
      findings.problem(`the helper does not end: ${JSON.stringify(helpers)}`);
      break;
    }
    await sleep(HELPER_POLL_MS);
    helpers = await scene.workers();
  }
  const inventory = await scene.inventory();
  const users = await scene.users();
  findings.note(`afterwards: ${JSON.stringify({ inventory, users, helpers })}`);
  const active = users.filter(({ status }) => ACTIVE.has(status)).map(({ name }) => name);
  if (inventory.holds === undefined && active.length > 0) {
    findings.problem(`${active.join(", ")} on a volume between old and new`);
  }
  const recorded = helpers.some(({ name }) => name.startsWith(STOPPED_RECORD));
  return { inventory, users, recorded };
}

/** Calls `volume recover` until it says that all is well, as somebody would who knows nothing. */
export async function recover(scene: Scene, findings: Findings): Promise<void> {
  for (let i = 0; i < RECOVERIES; i += 1) {
    const result = await scene.sandbox.dockform(recoverCommand(scene), stranger(scene));
    findings.heard("volume recover", result);
    if (result.code === 0) return;
    // A helper that has outlived its client ends when it has been silent for a minute.
    if (result.code === 3) await untilHelpersEnd(scene);
    await sleep(RECOVERY_PAUSE_MS);
  }
  findings.problem(`volume recover fails, ${RECOVERIES} times over`);
}

async function untilHelpersEnd(scene: Scene): Promise<void> {
  const deadline = Date.now() + SILENCE_LIMIT_MS;
  while (Date.now() < deadline) {
    if (!(await scene.workers()).some(({ state }) => state === "running")) return;
    await sleep(HELPER_POLL_MS);
  }
}

/** Somebody else: another folder, another home. */
function stranger(scene: Scene): { readonly cwd: string; readonly env: { readonly HOME: string } } {
  return { cwd: scene.sandbox.temporaryFolder, env: { HOME: "/nonexistent" } };
}

/** After recovery: exactly old or exactly new, nothing left over, containers as before. */
export async function judge(
  scene: Scene,
  aftermath: Aftermath,
  expected: {
    readonly mayHold: readonly Contents[];
    readonly keeps: Contents | "any" | undefined;
    readonly engineDied: boolean;
  },
  findings: Findings,
): Promise<Contents | undefined> {
  const { holds, reserved, differences } = await scene.inventory();
  if (holds === undefined) findings.problem(`neither old nor new: ${differences.join("; ")}`);
  else if (!expected.mayHold.includes(holds)) findings.problem(`it holds ${holds}, which is wrong`);
  const leftOver = reserved.filter((name) => name !== KEPT || expected.keeps === undefined);
  if (leftOver.length > 0) findings.problem(`left over in the volume: ${leftOver.join(", ")}`);
  const helpers = (await scene.helpers()).filter(
    ({ name }) => expected.keeps === undefined || !name.startsWith(KEPT_RECORD),
  );
  if (helpers.length > 0) findings.problem(`left over: ${JSON.stringify(helpers)}`);
  const users = await scene.users();
  for (const [i, wanted] of scene.wantedUsers.entries()) {
    const user = users[i];
    const engine = { died: expected.engineDied, recorded: aftermath.recorded };
    if (user === undefined || isRight(user, wanted, engine)) continue;
    if (engine.died && (await isUnstartable(scene, user, findings))) {
      findings.unstartable.push(user.name);
      continue;
    }
    const { name, status, restartPolicy } = user;
    const before = `${wanted.status} (restart: ${wanted.restartPolicy})`;
    findings.problem(`${name} is ${status} (restart: ${restartPolicy}), was ${before}`);
  }
  // Whoever runs on the volume may have written to it: recovery must not take that away.
  const { inventory, users: usersThen } = aftermath;
  const inUse = usersThen.some(({ status }) => ACTIVE.has(status));
  if (inUse && inventory.holds !== undefined && inventory.holds !== holds) {
    findings.problem(`containers ran on ${inventory.holds}, and recovery brought ${holds}`);
  }
  return holds;
}

/**
 * An engine that dies takes containers with it, and starts those again that say so, even one that was
 * stopped by hand; what an operation had stopped is for a recovery to start.
 */
function isRight(
  user: UserState,
  wanted: UserState,
  engine: { readonly died: boolean; readonly recorded: boolean },
): boolean {
  if (user.restartPolicy !== wanted.restartPolicy) return false;
  if (user.status === wanted.status) return true;
  if (!engine.died) return false;
  if (wanted.restartPolicy === "always") {
    return wanted.status === "exited" && user.status === "running";
  }
  return !engine.recorded && user.status === "exited";
}

/**
 * An engine that is killed as one of its containers ends can keep a part of it that stands in the way of every
 * start. That is accepted where the command has said so, and a start by hand fails for the same reason.
 */
async function isUnstartable(
  scene: Scene,
  { name, status, restartPolicy }: UserState,
  { transcript }: Findings,
): Promise<boolean> {
  const wanted = scene.wantedUsers.find((user) => user.name === name);
  if (status !== "exited" || restartPolicy !== wanted?.restartPolicy) return false;
  const said = transcript.some(
    (text) => text.includes(`${name} does not run`) && LEFT_OVER.test(text),
  );
  return said && IN_THE_WAY.test(await scene.startByHand(name));
}

/** Every snapshot under a folder is whole, and holds exactly what the volume held. */
export async function judgeSnapshots(
  scene: Scene,
  folder: string,
  mayHold: readonly Contents[],
  findings: Findings,
): Promise<number> {
  const files = await readdir(folder, { recursive: true }).catch(() => []);
  const sidecars = files.filter((name) => name.endsWith(".json") && !/(^|\/)\.[^/]*$/.test(name));
  for (const name of sidecars) {
    const path = join(folder, name);
    const sidecar: { checksum: Record<string, string> } = JSON.parse(await readFile(path, "utf8"));
    const archive = path.replace(
      /json$/,
      sidecar.checksum["tar"] === undefined ? "tar.zst" : "tar",
    );
    if (!(await exists(archive))) {
      findings.problem(`${name} has no data`);
      continue;
    }
    const sha256 = createHash("sha256")
      .update(await readFile(archive))
      .digest("hex");
    if (!Object.values(sidecar.checksum).includes(sha256))
      findings.problem(`${name} does not match`);
    const holds = await contentsOfArchive(scene, archive, findings);
    if (holds === undefined || !mayHold.includes(holds)) {
      findings.problem(`${name} holds ${holds ?? "neither old nor new"}, not ${mayHold.join("/")}`);
    }
  }
  return sidecars.length;
}

async function contentsOfArchive(
  scene: Scene,
  archive: string,
  findings: Findings,
): Promise<Contents | undefined> {
  const folder = await mkdtemp(scene.sandbox.path("unpacked-"));
  const pipeline = `zstd -dcq --pass-through -- "$0" |
    tar -b 120 -xpf - -C "$1" --numeric-owner --acls --xattrs --xattrs-include='*'`;
  const unpacking = ["-o", "pipefail", "-c", pipeline, archive, folder];
  const { code, stderr } = await attempt("bash", unpacking);
  const { holds, differences } = scene.compare(await describeTree(folder));
  await removeTree(folder);
  findings.note(`tar ended with ${code}: ${stderr} ${differences.join("; ")}`);
  return code === 0 ? holds : undefined;
}
