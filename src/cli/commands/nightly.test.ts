import assert from "node:assert/strict";
import { readdir, truncate } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import * as v from "valibot";
import { runOnConsole } from "../../../test/fakes/console.ts";
import { ReadVolumes } from "../../../test/fakes/read-volumes.ts";
import { FakeSite } from "../../../test/fakes/workspace.ts";
import { DOCUMENTS, type DocumentOf } from "../documents/documents.ts";

const DAY_MS = 86_400_000;

interface Told {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A server whose nights pass one after the other. */
class Server implements AsyncDisposable {
  readonly volumes: ReadVolumes;
  readonly #site: FakeSite;
  #atMs = Date.UTC(2026, 0, 2, 2, 15);

  private constructor(site: FakeSite, volumes: ReadVolumes) {
    this.#site = site;
    this.volumes = volumes;
  }

  static async create(
    declared: Readonly<Record<string, unknown>>,
    ...existing: readonly string[]
  ): Promise<Server> {
    return await Server.of({ identifier: "x", volumes: declared }, ...existing);
  }

  static async of(manifest: unknown, ...existing: readonly string[]): Promise<Server> {
    return new Server(await FakeSite.create(manifest, {}), new ReadVolumes(...existing));
  }

  passDays(days: number): void {
    this.#atMs += days * DAY_MS;
  }

  async nightly(...args: readonly string[]): Promise<Told> {
    return await this.run("nightly", ...args);
  }

  async run(...words: readonly string[]): Promise<Told> {
    return await this.runOn(undefined, ...words);
  }

  /** On a terminal of so many columns. */
  async runOn(columns: number | undefined, ...words: readonly string[]): Promise<Told> {
    const { code, stdout, stderr } = await runOnConsole(words, {
      ...(columns === undefined ? {} : { columns }),
      cwd: this.#site.folder,
      engine: this.volumes.engine,
      // Two snapshots of a volume are never of the same second.
      now: () => new Date((this.#atMs += 1000)),
    });
    return {
      code,
      stdout: stripVTControlCharacters(stdout),
      stderr: stripVTControlCharacters(stderr),
    };
  }

  /** The next night. */
  async night(): Promise<{ readonly code: number; readonly told: DocumentOf<"nightly"> }> {
    this.passDays(1);
    const { code, stdout } = await this.nightly("--json");
    return { code, told: v.parse(DOCUMENTS.nightly, JSON.parse(stdout)) };
  }

  folder(volume: string): string {
    return join(this.#site.folder, ".dockform", "snapshots", volume);
  }

  async kept(volume: string): Promise<readonly string[]> {
    const files = await readdir(this.folder(volume)).catch(() => []);
    return files.filter((file) => file.endsWith(".tar.zst")).toSorted();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#site[Symbol.asyncDispose]();
  }
}

function outcomes({ snapshots }: DocumentOf<"nightly">): readonly string[] {
  return snapshots.map(({ volume, outcome }) => `${volume}: ${outcome}`);
}

test("each night takes what is due and changed, by how old a snapshot may get", async () => {
  const declared = {
    data: { snapshot: { every: "1d" } },
    photos: { snapshot: { every: "1w" } },
    plain: {},
    cache: { snapshot: { every: "never" } },
  };
  await using server = await Server.create(declared, "data", "photos", "plain", "cache", "other");
  const first = await server.night();
  assert.equal(first.code, 0);
  assert.deepEqual(outcomes(first.told), [
    "data: written",
    "photos: written",
    "plain: written",
    "cache: not wanted",
  ]);
  assert.equal(first.told.snapshots[0]?.copied_because?.reason, "first");
  server.volumes.contents.set("plain", "zzzzzz");
  const second = await server.night();
  assert.deepEqual(outcomes(second.told), [
    "data: unchanged",
    "photos: not due",
    "plain: written",
    "cache: not wanted",
  ]);
  server.passDays(4);
  assert.equal(outcomes((await server.night()).told)[1], "photos: unchanged");
  assert.deepEqual(
    (await server.night()).told.volumes.map(({ volume, state }) => `${volume}: ${state}`),
    ["data: fresh", "photos: fresh", "plain: present", "cache: excluded"],
  );
  assert.deepEqual(await server.kept("other"), []);
});

test("what the rules do not keep is removed, but of no volume whose snapshot failed", async () => {
  const kept = { snapshot: { keep: { last: 1 } } };
  await using server = await Server.create(
    { data: kept, mail: kept, plain: {} },
    "data",
    "mail",
    "plain",
  );
  const change = (content: string): void => {
    for (const volume of ["data", "mail", "plain"]) server.volumes.contents.set(volume, content);
  };
  await server.night();
  const [firstOfData] = await server.kept("data");
  change("a");
  server.volumes.unreadable.add("mail");
  const { code, told } = await server.night();
  assert.equal(code, 1);
  assert.deepEqual(outcomes(told), ["data: written", "mail: failed", "plain: written"]);
  assert.match(told.snapshots[1]?.error?.message ?? "", /cannot read volume "mail"/);
  assert.deepEqual(
    told.pruned.map(({ volume, has_policy, held_back, removed }) => [
      volume,
      has_policy,
      held_back,
      removed,
    ]),
    [
      ["data", true, null, [join(server.folder("data"), firstOfData ?? "")]],
      ["mail", true, "failed", []],
      ["plain", false, null, []],
    ],
  );
  assert.equal((await server.kept("data")).length, 1);
  assert.equal((await server.kept("mail")).length, 1);
  assert.equal((await server.kept("plain")).length, 2);

  change("b");
  server.passDays(1);
  const text = await server.nightly();
  assert.match(text.stdout, /^failed +default\/mail +cannot read volume "mail": .*$/m);
  assert.match(text.stdout, /^Removed: 1 snapshot, 10\.2 kB$/m);
  assert.match(text.stdout, /^All were kept, since the snapshot failed: mail$/m);
  assert.match(text.stderr, /^error: cannot read volume "mail"/m);
});

test("what is there under rules that would remove it stays as long as every snapshot fails", async () => {
  await using server = await Server.create({ data: { snapshot: { keep: { last: 1 } } } }, "data");
  await server.run("volume", "snapshot", "data");
  await server.run("volume", "snapshot", "data");
  server.volumes.engine.removeVolume("data");
  for (let night = 0; night < 3; night += 1) assert.equal((await server.night()).code, 1);
  assert.equal((await server.kept("data")).length, 2);
});

test("as long as the newest is from the future nothing is removed: tonight's would be", async () => {
  await using server = await Server.create({ data: { snapshot: { keep: { last: 1 } } } }, "data");
  server.passDays(400);
  await server.night();
  server.passDays(-400);
  server.volumes.contents.set("data", "another");
  const { code, told } = await server.night();
  assert.deepEqual([code, outcomes(told)], [6, ["data: written"]]);
  assert.deepEqual(
    told.pruned.map(({ held_back, removed }) => [held_back, removed]),
    [["future", []]],
  );
  assert.equal((await server.kept("data")).length, 2);
  assert.match(
    (await server.nightly()).stdout,
    /^All were kept, since the newest one is from the future: data$/m,
  );
});

test("damage and age are told by the exit code of the check, after all else is done", async () => {
  await using server = await Server.create({ data: { snapshot: { every: "1d" } } }, "data");
  await server.night();
  const [only = ""] = await server.kept("data");
  await truncate(join(server.folder("data"), only), 3);
  const { code, told } = await server.night();
  assert.deepEqual([code, outcomes(told)], [6, ["data: written"]]);
  assert.equal(told.volumes[0]?.state, "damaged");
  assert.match((await server.nightly()).stdout, /^0 of 1 declared volume /m);
});

test("a dry run says what a night would do, and does none of it", async () => {
  const declared = { data: { snapshot: { every: "1d", keep: { last: 1 } } }, mail: {} };
  await using server = await Server.create(declared, "data", "mail");
  await server.run("volume", "snapshot", "data");
  await server.run("volume", "snapshot", "data");
  const before = await server.kept("data");
  server.passDays(3);
  const { code, stdout } = await server.nightly("--dry-run");
  assert.equal(code, 0);
  assert.match(stdout, /^due +default\/data +newest snapshot is 3 days old, wanted every 1d$/m);
  assert.match(stdout, /^due +default\/mail +no snapshot$/m);
  assert.match(stdout, /^To be removed: 1 snapshot, 10\.2 kB\nDry run: nothing was done\.$/m);
  const told = v.parse(
    DOCUMENTS.nightly,
    JSON.parse((await server.nightly("--dry-run", "--json")).stdout),
  );
  assert.deepEqual([told.dry_run, told.pruned[0]?.removed.length], [true, 1]);
  assert.deepEqual([await server.kept("data"), await server.kept("mail")], [before, []]);
});

test("on a narrow terminal nothing of what is said of a volume is lost", async () => {
  const volume = "home-assistant-production_zigbee2mqtt-configuration";
  await using server = await Server.create({ [volume]: { snapshot: { every: "1d" } } }, volume);
  await server.run("volume", "snapshot", volume);
  server.passDays(3);
  const { stdout } = await server.runOn(80, "nightly", "--dry-run");
  assert.match(stdout.replaceAll(/\s+/g, " "), / newest snapshot is 3 days old, wanted every 1d /);
  assert.deepEqual(
    stdout.split("\n").filter((line) => line.length > 80),
    [],
  );
});

test("without a manifest, or volumes in it, nothing is done", async () => {
  await using nothing = await Server.create({}, "data");
  assert.equal((await nothing.nightly()).code, 2);
  await using site = await FakeSite.create(undefined, {});
  const { code, stderr } = await runOnConsole(["nightly"], {
    cwd: site.folder,
    engine: new ReadVolumes("data").engine,
    now: () => new Date(),
  });
  assert.equal(code, 2);
  assert.match(stderr, /there is no manifest/);
});

test("a night like the one before warns of nothing; what is new is told, and JSON has all", async () => {
  await using server = await Server.create({ data: {} }, "data");
  server.volumes.writer("db", "data");
  server.volumes.messages.set("data", ["tar: ./s: socket ignored"]);
  const night = async (content: string, ...args: readonly string[]): Promise<Told> => {
    server.passDays(1);
    server.volumes.contents.set("data", content);
    return await server.nightly(...args);
  };
  assert.equal((await night("a")).stderr.match(/^warning: /gm)?.length, 2);
  const second = await night("b");
  assert.equal(
    second.stderr,
    "2 warnings for the same reasons as at the snapshot before; --verbose shows them\n",
  );
  assert.equal(
    (await night("c", "--verbose")).stderr.match(/^debug: .*(?:can write|socket)/gm)?.length,
    2,
  );
  assert.equal((await night("c")).stderr, "");
  server.volumes.writer("another", "data");
  assert.match(
    (await night("d")).stderr,
    /^warning: another is running .*\n2 warnings for the same/,
  );
  const { snapshots } = v.parse(DOCUMENTS.nightly, JSON.parse((await night("e", "--json")).stdout));
  assert.deepEqual(snapshots[0]?.warnings, ["s: socket ignored"]);
});

test("that helpers have privileges is told in the first night, and by every other command", async () => {
  const helper = { capabilities: ["SYS_ADMIN"] };
  const volumes = { data: {}, mail: {} };
  await using server = await Server.of({ identifier: "x", helper, volumes }, "data", "mail");
  const told = /^warning: helper containers run with SYS_ADMIN/m;
  assert.match((await server.nightly()).stderr, told);
  server.passDays(1);
  assert.equal((await server.nightly()).stderr, "");
  assert.match((await server.run("volume", "snapshot", "data")).stderr, told);
});
