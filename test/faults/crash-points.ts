/**
 * The helper's script, cut short before each of its steps: every state that a death, or a loss of power, can
 * leave in a volume, and that a recovery has to bring to an end. The clients are real ones, and so is the script; it
 * runs here, and the engine is one in memory, which is what makes all of them affordable.
 */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { snapshotVolume } from "../../src/capture/snapshot.ts";
import { DockformError } from "../../src/errors.ts";
import { aboutNow } from "../../src/restore/kept.ts";
import { recoverVolume, type RecoveryReport } from "../../src/restore/recover.ts";
import { UnhealthyError } from "../../src/restore/watch.ts";
import { stagingFolder } from "../../src/snapshot/reserved.ts";
import type { ArchiveInStore } from "../../src/store/store.ts";
import { FolderStore } from "../../src/store/folder/folder-store.ts";
import { run } from "../oracle/host.ts";
import { look, lookAtKept, makeContents, NAMES, patch, type Name } from "./contents.ts";
import { makeShims } from "./death-steps.ts";
import { extract, locked, POSING_ID, type Story } from "./stories.ts";
import {
  DEATHS,
  Workplace,
  type Client,
  type Death,
  type Deaths as HelperDeaths,
  type Ground,
} from "./workplace.ts";

/** What all stories need. */
export class Stage implements AsyncDisposable {
  readonly folder: string;
  readonly shims: string;
  /** What each of the contents looks like when it is a volume. */
  readonly #looks = new Map<Name | "patched", string>();
  readonly #snapshots = new Map<Name, ArchiveInStore>();

  private constructor(folder: string) {
    this.folder = folder;
    this.shims = join(folder, "bin");
  }

  static async set(): Promise<Stage> {
    const stage = new Stage(await mkdtemp(join(tmpdir(), "dockform-steps-")));
    await makeShims(stage.shims);
    for (const name of NAMES) {
      const folder = join(stage.folder, name);
      await makeContents(folder, name);
      stage.#looks.set(name, look(folder));
      stage.#snapshots.set(name, await stage.#takeSnapshot(name));
    }
    await stage.#preparePatched();
    await stage.#prepareVolumes();
    return stage;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true });
  }

  snapshotOf(name: Name): ArchiveInStore {
    const snapshot = this.#snapshots.get(name);
    assert.ok(snapshot !== undefined);
    return snapshot;
  }

  /** What is in a workplace's volume, in words: `old`, `new, keeps old`. */
  summary({ volume }: Workplace): string {
    const names = readdirSync(volume).filter((name) => name.startsWith(".dockform-"));
    const keeps = names.includes(".dockform-kept");
    const kept = keeps ? `, keeps ${this.#nameOf(lookAtKept(volume))}` : "";
    const left = names.filter((name) => name !== ".dockform-kept").map((name) => `, left ${name}`);
    return `${this.#nameOf(look(volume))}${kept}${left.join("")}`;
  }

  #nameOf(looked: string): string {
    const found = [...this.#looks].find(([, known]) => known === looked);
    return found?.[0] ?? `a mixture:\n${looked}`;
  }

  async #takeSnapshot(name: Name): Promise<ArchiveInStore> {
    await using workplace = await Workplace.create(this, name);
    const { target, tools } = workplace.begin();
    const store = new FolderStore(join(this.folder, `snapshot-of-${name}`));
    const request = { target: { ...target, store }, format: "tar", level: 1, note: "" } as const;
    return await snapshotVolume(request, tools);
  }

  /** The old contents with some paths of the new ones. */
  async #preparePatched(): Promise<void> {
    const folder = join(this.folder, "patched");
    await run("cp", ["-a", join(this.folder, "old"), folder]);
    await patch(folder, join(this.folder, "new"));
    this.#looks.set("patched", look(folder));
  }

  /** Makes the volumes that stories begin with. */
  async #prepareVolumes(): Promise<void> {
    await this.#prepare("ready", "old", (client) => this.#makeReady(client, "new"));
    await this.#prepare("keeping", "old", async (client) => {
      await locked(client, "restore", async (lock) => {
        const staged = await extract(lock, { ...client, snapshot: this.snapshotOf("kept") });
        await staged.swap();
        await staged.swapBack(aboutNow("a snapshot", client.tools));
        await staged.conclude();
      });
    });
    await this.#prepare("keeping-ready", "keeping", (client) => this.#makeReady(client, "new"));
    await this.#preparePosing();
  }

  async #preparePosing(): Promise<void> {
    const folder = join(this.folder, "posing");
    await run("cp", ["-a", join(this.folder, "old"), folder]);
    const posing = join(folder, stagingFolder(POSING_ID));
    await mkdir(posing);
    await writeFile(join(posing, "own"), "an application's");
    await run("touch", ["-r", join(this.folder, "old"), folder]);
  }

  async #makeReady(client: Client, name: Name): Promise<void> {
    await locked(client, "restore", (lock) =>
      extract(lock, { ...client, snapshot: this.snapshotOf(name) }),
    );
  }

  async #prepare(
    name: Story["from"],
    from: Story["from"],
    act: (client: Client) => Promise<void>,
  ): Promise<void> {
    await using workplace = await Workplace.create(this, from);
    await act(workplace.begin());
    await workplace.end();
    await run("cp", ["-a", workplace.volume, join(this.folder, name)]);
  }
}

/** Where a helper dies, and what comes next. */
export interface Deaths {
  readonly dieAt: number;
  /** The next one dies as well, before this step of its own; 0 for not at all. */
  readonly dieAgainAt: number;
  readonly death: Death;
  readonly on: Ground;
  /** Whether the client lives, and goes on with the next one, or another client has to recover. */
  readonly goesOn: boolean;
}

/** Dies, perhaps twice, and then recovers undisturbed. Returns what is wrong then. */
export async function die(stage: Stage, story: Story, deaths: Deaths): Promise<string> {
  const { dieAt, dieAgainAt, death, on, goesOn } = deaths;
  await using workplace = await Workplace.create(stage, story.from, death, on);
  const problems: string[] = [];
  await play(stage, workplace, story, {
    dieAt: goesOn ? [dieAt, dieAgainAt] : [dieAt],
    takesClient: !goesOn,
  }).catch((error: unknown) => problems.push(...unlikely(error)));
  await workplace.settle();
  if (!goesOn && dieAgainAt > 0) {
    await recover(workplace, { dieAt: [dieAgainAt], takesClient: true }).catch((error: unknown) =>
      problems.push(`the recovery that is cut short: ${String(error)}`),
    );
    await workplace.settle();
  }
  const report = await recover(workplace).catch((error: unknown) => {
    problems.push(String(error));
  });
  problems.push(...wrongIn(stage, workplace, story));
  problems.push(...untrueIn(stage, workplace, story, report?.contents));
  return problems.length === 0 ? "" : `${JSON.stringify(deaths)}: ${problems.join("; ")}`;
}

/** A client whose helper dies may fail, but for a reason that it can tell. */
function unlikely(error: unknown): readonly string[] {
  return error instanceof DockformError ? [] : [String(error)];
}

/** What a recovery says that is not so. */
function untrueIn(
  stage: Stage,
  workplace: Workplace,
  { from }: Story,
  said: RecoveryReport["contents"] | undefined,
): readonly string[] {
  const [inPlace = ""] = stage.summary(workplace).split(",");
  const isUntrue = inPlace === "old" ? said === "after" : said === "before";
  return !isUntrue ? [] : [`${inPlace} is in place, from ${from}, and the recovery says ${said}`];
}

/** What is wrong after a recovery. */
function wrongIn(stage: Stage, workplace: Workplace, story: Story): readonly string[] {
  const summary = stage.summary(workplace);
  const records = workplace.engine.ours.map(({ name }) => name.replace(/-[^-]*-[^-]*$/, ""));
  const expected = [
    ...(summary.includes(", keeps ") ? ["dockform-kept-contents"] : []),
    ...(summary.includes(", left .dockform-aside-") ? ["dockform-set-aside"] : []),
  ];
  return [
    ...(story.ends.includes(summary) ? [] : [summary]),
    ...(workplace.userRuns ? [] : ["the container that uses the volume does not run"]),
    ...(records.join() === expected.join() ? [] : [`the engine has ${records.join()}`]),
  ];
}

/** Has a client do what the story is of, up to where it dies. */
async function play(
  stage: Stage,
  workplace: Workplace,
  story: Story,
  deaths?: HelperDeaths,
): Promise<void> {
  workplace.setHealth(story.isUnhealthy === true ? "unhealthy" : "healthy");
  const client = workplace.begin(deaths);
  const scene = { ...client, workplace, snapshot: stage.snapshotOf("new") };
  await Promise.race([story.play(scene), client.died]);
}

/** Has another client recover the volume; nothing comes of it where that dies. */
async function recover(
  workplace: Workplace,
  deaths?: HelperDeaths,
): Promise<RecoveryReport | undefined> {
  const { target, tools, died } = workplace.begin(deaths);
  const recovered = recoverVolume({ target, healthTimeoutMs: 0 }, tools);
  return (await Promise.race([recovered, died])) ?? undefined;
}

/** Steps of a story, by their numbers. */
export interface Steps {
  /** The one from which on it is cut short. */
  readonly first: number;
  readonly last: number;
}

/** Plays a story to its end, which must be the last of its ends. */
export async function stepsOf(stage: Stage, story: Story): Promise<Steps> {
  await using workplace = await Workplace.create(stage, story.from);
  await play(stage, workplace, story).catch((error: unknown) => {
    if (!(story.isUnhealthy === true && error instanceof UnhealthyError)) throw error;
  });
  assert.equal(stage.summary(workplace), story.ends.at(-1));
  assert.deepEqual(wrongIn(stage, workplace, story), []);
  const shared = story.partsAt === undefined ? 0 : workplace.stepsBefore(story.partsAt);
  return { first: shared + 1, last: workplace.steps };
}

type Way = Pick<Deaths, "death" | "on" | "goesOn">;

/** What may follow. No client goes on where the power was cut. */
const WAYS: readonly Way[] = [
  ...DEATHS.map((death) => ({ death, on: "folder", goesOn: false }) as const),
  { death: "process", on: "folder", goesOn: true },
  // Here a file that is flushed takes some renames along, and leaves earlier ones behind.
  { death: "power", on: "btrfs", goesOn: false },
];
/** The same on others: at every second step each, for time is short. */
const OTHER_WAYS: readonly Way[] = [
  { death: "power", on: "xfs", goesOn: false },
  { death: "process", on: "overlay", goesOn: false },
  { death: "power after commit", on: "xfs", goesOn: false },
  { death: "process", on: "mergerfs", goesOn: false },
];
/** The same where the old contents are cleared away instead of renamed. */
const CLEARING_WAYS: readonly Way[] = [
  { death: "process", on: "overlay, from below", goesOn: false },
  { death: "process", on: "overlay, from below", goesOn: true },
  { death: "process", on: "mergerfs, on both", goesOn: false },
  { death: "process", on: "mergerfs, on both", goesOn: true },
];

/** Every way in which a story of these steps can be cut short, every other one of them twice. */
export function allDeaths({ clears = false }: Story, steps: Steps): readonly Deaths[] {
  const common = clears ? [...WAYS, ...CLEARING_WAYS] : WAYS;
  // What cannot be renamed takes some steps more.
  const last = clears ? steps.last + 8 : steps.last;
  return Array.from({ length: last - steps.first + 1 }, (_, i) => steps.first + i).flatMap(
    (dieAt) =>
      // By twos, so that either half has steps after which the recovery is cut short as well.
      [...common, ...OTHER_WAYS.filter((_, i) => (dieAt >> 1) % 2 === i % 2)].map(
        ({ death, on, goesOn }) => ({
          dieAt,
          // Whoever goes on has few steps left; a recovery may have many.
          dieAgainAt: dieAt % 2 === 0 ? ((dieAt * 7) % (goesOn ? 9 : steps.last)) + 1 : 0,
          death,
          on,
          goesOn,
        }),
      ),
  );
}
