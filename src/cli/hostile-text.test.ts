import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createHash } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { sampleSidecar } from "../../test/contract/sidecar.ts";
import { tarOf } from "../../test/fakes/archived.ts";
import { runOnConsole, type FakeConsole, type Printed } from "../../test/fakes/console.ts";
import { FakeContents, FakeDisk } from "../../test/fakes/contents.ts";
import { FakeEngine } from "../../test/fakes/engine.ts";
import { runsHelpers } from "../../test/fakes/helper.ts";
import { putOperation } from "../../test/fakes/operations.ts";
import { EngineApiError } from "../engine/client.ts";

/** Begins a line, where a line end got through. */
const FORGED = "FORGED";
const UNITS = [
  "a",
  " ",
  "\\",
  "\t",
  "\r",
  "\b",
  "\u001B[2J",
  "\u001B[7m",
  "\u001B]0;title\u0007",
  "\u007F",
  "\u0085",
  "\u009B5m",
  "\u061C",
  "\u200F",
  "\u202E",
  "\u2028",
  "\u2029",
  "\u2066",
  "\u2069",
];
/** Everything at once, or some of it; always with a line end. */
const hostileText = fc
  .oneof(
    { weight: 1, arbitrary: fc.constant(UNITS) },
    { weight: 3, arbitrary: fc.array(fc.constantFrom(...UNITS), { maxLength: 8 }) },
  )
  .map((units) => `x\n${FORGED}${units.join("")}y`);

/** Colours and what moves the cursor as this program writes it. */
// oxlint-disable-next-line no-control-regex
const OURS = /\u001B\[(?:1|2|22|31|32|33|39)m|\r\u001B\[2K(?:\u001B\[1A\u001B\[2K)*/g;
const RAW = /(?!\n)[\p{Cc}\u061C\u200E\u200F\u2028-\u202E\u2066-\u206F]/u;

const COMMANDS: readonly (readonly string[])[] = [
  ["validate"],
  ["plan"],
  ["doctor"],
  ["init"],
  ["__complete", "dockform volume snapshot "],
  ["__complete", "dockform snapshot show "],
  ["volume", "list"],
  ["volume", "recover", "--health-timeout", "0"],
  ["snapshot", "list"],
  ["snapshot", "status"],
  ["snapshot", "show", "data@latest"],
  ["snapshot", "show", "data@2025"],
  ["snapshot", "files", "data@latest"],
  ["snapshot", "diff", "data@latest~1", "data@latest"],
  ["snapshot", "cat", "data@latest", "missing"],
  ["snapshot", "extract", "data@latest", ".", "-o", "extracted"],
  ["snapshot", "verify", "--all"],
  ["snapshot", "prune", "--keep-last", "1"],
  ["volume", "snapshot", "data"],
  ["volume", "undo", "data", "--undeclared", "--stop-containers", "--health-timeout", "0"],
  ["volume", "undo", "data", "--undeclared", "--discard"],
  ["volume", "undo", "data", "--undeclared", "--discard", "--skip-confirmation"],
  ["volume", "restore", "data", "latest~1", "--undeclared"],
  "volume restore data latest~1 --undeclared --force --stop-containers --health-timeout 0".split(
    " ",
  ),
  ["snapshot", "drill", "data@latest"],
  ["snapshot", "remove", "data@latest~1", "--skip-confirmation"],
  ["nightly", "--dry-run"],
  ["nightly"],
  ["apply", "--skip-confirmation"],
  ["destroy", "--skip-confirmation", "--no-snapshot"],
];

/** Volumes that are made meanwhile are empty. */
class AnyContents extends FakeContents {
  override disk(volume: string): FakeDisk {
    if (!this.disks.has(volume)) this.disks.set(volume, new FakeDisk(Buffer.alloc(1024)));
    return super.disk(volume);
  }
}

/** Puts a text into every field of a store, an engine and a helper that comes from elsewhere. */
class HostilePlace implements AsyncDisposable {
  readonly folder: string;
  readonly #contents = new AnyContents();
  #seconds = 0;
  readonly engine = new FakeEngine(runsHelpers(this.#contents));

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async build(text: string): Promise<HostilePlace> {
    const place = new HostilePlace(await mkdtemp(join(tmpdir(), "dockform-hostile-")));
    const manifest = { identifier: "mine", volumes: { data: { snapshot: { every: "1h" } } } };
    await writeFile(join(place.folder, "dockform.yml"), JSON.stringify(manifest));
    await place.#store(text);
    await place.#engine(text);
    return place;
  }

  async #store(text: string): Promise<void> {
    // Paths are bytes.
    const path = Buffer.from(text).toString("latin1");
    await this.#snapshot("data", "2026-01-01T01-00-00Z", text, await tarOf({ [path]: text }));
    await this.#snapshot("data", "2026-01-01T02-00-00Z", text, await tarOf({ [path]: "other" }));
    await this.#snapshot(text, "2026-01-01T03-00-00Z", text, await tarOf({ [path]: text }));
    const other = join(this.folder, ".dockform", "snapshots", text);
    await writeFile(join(other, "2026-01-01T04-00-00Z__spec-00000000.json"), `{ "a": "${text}" }`);
    await writeFile(join(other, "2026-01-01T05-00-00Z__spec-00000000.tar"), text);
  }

  async #snapshot(folder: string, name: string, text: string, tar: Buffer): Promise<void> {
    const into = join(this.folder, ".dockform", "snapshots", folder);
    await mkdir(into, { recursive: true });
    const base = join(into, `${name}__spec-00000000`);
    await writeFile(`${base}.tar`, tar);
    const sidecar = sampleSidecar({
      volume_name: folder,
      created_at: "2026-01-01T01:00:00Z",
      stored_bytes: tar.length,
      uncompressed_bytes: tar.length,
      checksum: { algo: "sha256", tar: createHash("sha256").update(tar).digest("hex") },
      driver_opts: { [text]: text },
      labels: { [text]: text },
      notes: text,
      proven_by: text,
      proven_at: "2026-01-01T01:00:00Z",
      warnings: [text],
      engine: { version: text, id: text },
      containers: [
        { name: text, image: text, image_digest: text, state: "running", read_write: true },
      ],
    });
    await writeFile(`${base}.json`, JSON.stringify({ ...sidecar, [text]: text }));
  }

  async #engine(text: string): Promise<void> {
    const { engine } = this;
    const labels = { "io.dockform.identifier": "mine", [text]: text };
    const about = JSON.stringify({ kept_at: text, replaced_by: text });
    for (const name of ["data", text]) {
      engine.createVolume(name, { labels, options: { [text]: text } });
      const disk = new FakeDisk(await tarOf({ [text]: text }));
      disk.kept = { contents: await tarOf({ a: text }), about };
      this.#contents.disks.set(name, disk);
    }
    engine.images.add(text);
    for (const Source of ["data", text]) {
      const { id } = engine.createContainer(`${Source}-${text}`, {
        Image: text,
        Labels: { [text]: text },
        HostConfig: { Mounts: [{ Type: "volume", Source, Target: `/${text}` }] },
      });
      engine.startContainer(id);
    }
    putOperation(engine, text, "exited");
  }

  async run(
    words: readonly string[],
    prepare: NonNullable<FakeConsole["prepare"]> = () => {},
  ): Promise<Printed> {
    // Two snapshots of a volume are never of the same second.
    const now = (): Date => new Date(Date.UTC(2026, 0, 2, 3, 4, (this.#seconds += 1)));
    return runOnConsole(words, { cwd: this.folder, engine: this.engine, now, prepare });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true });
  }
}

function assertHarmless(words: readonly string[], printed: string): void {
  const rest = printed.replaceAll(OURS, "");
  const found = RAW.exec(words[0] === "__complete" ? rest.replaceAll("\t", "") : rest);
  const where = `${words.join(" ")}: ${JSON.stringify(rest)}`;
  assert.equal(found, null, where);
  assert.doesNotMatch(rest, new RegExp(`^\\s*${FORGED}`, "m"), where);
}

/** Runs every command on a new place. */
async function assertAllHarmless(
  text: string,
  options: readonly string[],
  prepare?: FakeConsole["prepare"],
): Promise<ReadonlySet<string>> {
  await using place = await HostilePlace.build(text);
  const saying = new Set<string>();
  const logFile = join(place.folder, "log.json");
  for (const words of COMMANDS) {
    const { stdout, stderr } = await place.run(
      ["--log-file", logFile, ...options, ...words],
      prepare,
    );
    for (const printed of [stdout, stderr]) assertHarmless(words, printed);
    if (options.includes("--json") && words[0] !== "__complete") JSON.parse(stdout);
    if (`${stdout}${stderr}`.includes(FORGED)) saying.add(words.slice(0, 2).join(" "));
  }
  assertHarmless(["log file"], await readFile(logFile, "utf8"));
  return saying;
}

const RUNS = { numRuns: 3, endOnFailure: true };

test("whatever comes from elsewhere, no command prints it raw", async () => {
  const options = ["--verbose"];
  const said = new Set<string>();
  await fc.assert(
    fc.asyncProperty(hostileText, async (text) => {
      for (const each of await assertAllHarmless(text, options)) said.add(each);
    }),
    { ...RUNS, examples: [[`x\n${FORGED}${UNITS.join("")}y`]] },
  );
  // Else the texts were not where commands find them.
  assert.deepEqual(
    ["plan", "doctor", "volume list", "volume recover", "volume undo", "volume restore"]
      .concat(["volume snapshot", "apply --skip-confirmation", "destroy --skip-confirmation"])
      .concat(
        ["list", "show", "files", "diff", "verify", "prune", "remove"].map((x) => `snapshot ${x}`),
      )
      .filter((each) => !said.has(each)),
    [],
  );
});

test("nor as JSON, nor in a log of JSON", async () => {
  await fc.assert(
    fc.asyncProperty(hostileText, async (text) => {
      await assertAllHarmless(text, ["--json", "--verbose", "--log-format", "json"]);
    }),
    RUNS,
  );
});

test("nor what an engine fails with", async () => {
  await fc.assert(
    fc.asyncProperty(hostileText, fc.boolean(), async (text, isJson) => {
      await assertAllHarmless(text, [...(isJson ? ["--json"] : []), "--verbose"], (client) => {
        client.gate = (_call, moment) => {
          if (moment === "asking") throw new EngineApiError(500, text);
        };
      });
    }),
    RUNS,
  );
});
