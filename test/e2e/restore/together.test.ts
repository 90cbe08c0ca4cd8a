import assert from "node:assert/strict";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import type { VolumeTarget } from "../../../src/lock/target.ts";
import type { Tools } from "../../../src/tools.ts";
import { planReplacement, type WantedReplacement } from "../../../src/restore/plan.ts";
import { prepareReplacements } from "../../../src/restore/prepare.ts";
import { replaceTogether, type Replaced } from "../../../src/restore/replace.ts";
import { SnapshotContents } from "../../../src/restore/snapshot-contents.ts";
import { FolderStore } from "../../../src/store/folder/folder-store.ts";
import { testEngine } from "../../engine/test-engine.ts";
import { run } from "../../oracle/host.ts";
import { describeTree, differences } from "../../oracle/tree.ts";
import { packFiles, writeFiles } from "../archives.ts";
import { Sandbox } from "../harness.ts";
import type { TestVolume } from "../engine-objects.ts";

const { host, skipUnlessPrivate: skip } = await testEngine();

const WORKLOAD = { stopContainers: true, healthTimeoutMs: 8000 };

/** Two volumes that one container uses, and new contents for them. */
class Pair {
  readonly sandbox: Sandbox;
  readonly volumes: readonly [TestVolume, TestVolume];
  readonly userId: string;
  readonly tools: Tools;
  readonly #image: string;

  private constructor(
    sandbox: Sandbox,
    volumes: Pair["volumes"],
    user: { readonly id: string; readonly image: string },
  ) {
    this.sandbox = sandbox;
    this.volumes = volumes;
    this.userId = user.id;
    this.#image = user.image;
    this.tools = {
      log: { debug: () => {}, info: () => {}, warn: () => {} },
      emit: () => {},
      startProgress: () => ({ advance: () => {}, report: () => {}, end: () => {} }),
      startWait: () => () => {},
      now: () => new Date(),
      signal: new AbortController().signal,
      version: "1.2.3",
      temporaryFolder: sandbox.temporaryFolder,
      client: "a test",
      runsHere: () => false,
    };
  }

  /** @param command what the container runs. */
  static async make(sandbox: Sandbox, command = "read line"): Promise<Pair> {
    const volumes = [await sandbox.volume("one"), await sandbox.volume("two")] as const;
    for (const { folder } of volumes) await writeFiles(folder, { file: "old", "deep/file": "old" });
    const mounts = volumes.map(({ name }, i) => ({
      Type: "volume",
      Source: name,
      Target: `/data${i}`,
    }));
    const hostConfig = { Mounts: mounts };
    const definition = await sandbox.waiting(volumes[0].name, { hostConfig, Cmd: [command] });
    const { id } = await sandbox.running("user", definition);
    return new Pair(sandbox, volumes, { id, image: String(definition["Image"]) });
  }

  async wanted(): Promise<readonly WantedReplacement[]> {
    const { sandbox } = this;
    const archivePath = await packFiles(sandbox.folder, { file: "new" });
    // Not in the order of the names.
    const requests = this.volumes.toReversed().map(({ name }) => ({
      target: this.#target(name),
      store: new FolderStore(sandbox.folder),
      archivePath,
      undeclared: true,
      create: false,
      command: "",
      force: true,
      keepPrevious: false,
      keepFailed: false,
      discardKept: false,
      paths: [],
      root: undefined,
      fromVolume: undefined,
      verify: true,
      inPlace: false,
      forceEmpty: false,
      without: new Set<never>(),
      strictAttributes: false,
    }));
    return requests.map((request) => ({ request, contents: new SnapshotContents(request) }));
  }

  #target(volume: string): VolumeTarget {
    return {
      engine: this.sandbox.engine,
      context: "default",
      volume,
      declared: false,
      declaredVolumes: [],
      declaredShape: undefined,
      store: new FolderStore(this.sandbox.folder),
      storedAs: { context: undefined, volume },
      findHelperImage: async () => ({ reference: this.#image, origin: "prepared earlier" }),
      helperCapabilities: [],
    };
  }

  /** @param onceReady what happens when all is made ready and nothing replaced. */
  async restore(onceReady = async (): Promise<void> => {}): Promise<Replaced> {
    await using plan = await planReplacement(await this.wanted(), WORKLOAD, this.tools);
    await using prepared = await prepareReplacements(plan, this.tools);
    await onceReady();
    const replacements = prepared.replacements.map(({ replacement }) => replacement);
    return await replaceTogether(replacements, WORKLOAD, this.tools);
  }

  /** What became of the container since a time, as the engine tells it. */
  async lifeSince(since: Date): Promise<readonly string[]> {
    const seconds = (time: Date): string => String(time.getTime() / 1000);
    const query = {
      since: seconds(since),
      until: seconds(new Date()),
      filters: JSON.stringify({ container: [this.userId], event: ["die", "start"] }),
    };
    const lines = (
      await text(await this.sandbox.engine.stream("GET", "/events", { query }))
    ).trim();
    return lines
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => String(JSON.parse(line)["Action"]));
  }

  async trees(): Promise<readonly (readonly string[])[]> {
    return Promise.all(
      this.volumes.map(async ({ folder }) => (await describeTree(folder)).map(({ path }) => path)),
    );
  }
}

test(
  "two volumes of one container are replaced with one stop and one start",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(host);
    const pair = await Pair.make(sandbox);
    const began = new Date();
    const { containers } = await pair.restore();
    assert.deepEqual(
      containers.map(({ id, outcome }) => [id, outcome]),
      [[pair.userId, "started"]],
    );
    assert.deepEqual(await pair.lifeSince(began), ["die", "start"]);
    for (const paths of await pair.trees()) assert.deepEqual(paths, [".", "./file"]);
    for (const target of ["/data0/file", "/data1/file"]) {
      assert.equal(await sandbox.readInside(pair.userId, target), "new");
    }
    assert.deepEqual(await sandbox.leftBehind(), []);
  },
);

test(
  "a dry run of two volumes is their plan: it holds both, and touches none",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(host);
    const pair = await Pair.make(sandbox);
    const folders = pair.volumes.map(({ folder }) => folder);
    const before = await Promise.all(folders.map((folder) => describeTree(folder)));
    const began = new Date();
    {
      await using plan = await planReplacement(await pair.wanted(), WORKLOAD, pair.tools);
      const names = plan.replacements.map(({ request }) => request.target.volume);
      assert.deepEqual(
        names,
        pair.volumes.map(({ name }) => name),
      );
      await assert.rejects(planReplacement(await pair.wanted(), WORKLOAD, pair.tools), {
        code: "volume.busy",
      });
    }
    const after = await Promise.all(folders.map((folder) => describeTree(folder)));
    for (const [i, tree] of before.entries())
      assert.deepEqual(differences(tree, after[i] ?? []), []);
    assert.deepEqual(await pair.lifeSince(began), []);
    assert.deepEqual(await sandbox.leftBehind(), []);
  },
);

test(
  "where the second swap fails, both volumes have their old contents again",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(host);
    const pair = await Pair.make(sandbox);
    const [, second] = pair.volumes;
    const fixed = join(second.folder, "file");
    const before = await pair.trees();
    const began = new Date();
    try {
      await assert.rejects(
        pair.restore(async () => {
          await run("chattr", ["+i", fixed]);
        }),
        { code: "restore.swap-failed" },
      );
    } finally {
      await run("chattr", ["-i", fixed]);
    }
    assert.deepEqual(await pair.trees(), before);
    assert.deepEqual(await pair.lifeSince(began), ["die", "start"]);
    assert.equal(await sandbox.readInside(pair.userId, "/data0/file"), "old");
    assert.deepEqual(await sandbox.leftBehind(), []);
  },
);

test(
  "where the container is not well, both volumes have their old contents again",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(host);
    const pair = await Pair.make(sandbox, "[ -d /data1/deep ] && read line");
    const before = await pair.trees();
    await assert.rejects(pair.restore(), { code: "restore.unhealthy" });
    assert.deepEqual(await pair.trees(), before);
    assert.equal(await sandbox.state(pair.userId), "running");
    assert.deepEqual(await sandbox.leftBehind(), []);
  },
);
