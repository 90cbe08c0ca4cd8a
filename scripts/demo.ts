// `npm run demo`: a volume of real files is snapshotted and restored into another one, on a real
// engine, and the two are compared by code that is not the product's.
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { messageOf } from "../src/errors.ts";
import { formatBytes, formatCount, formatDuration } from "../src/format.ts";
import { DemoEngine } from "./demo/engine.ts";
import {
  OLD_FILES,
  packDemoFiles,
  packOldFiles,
  SPARSE_FILE,
  UNPACK_SCRIPT,
} from "./demo/files.ts";
import { Stage, type Place } from "./demo/stage.ts";
import { differences, readTree, type Tree } from "./demo/tree.ts";

const PACKAGES = new URL("../node_modules", import.meta.url).pathname;
const SNAPSHOTS = "backups";
const MOST_DIFFERENCES_SHOWN = 20;
const INTERRUPTED_CODE = 130;

/** Stands for an application: it holds the volume until it is told to stop. */
const APPLICATION = "trap 'exit 0' TERM; while read -r line; do :; done";
/** Counts names whatever is in them. */
const COUNT_ENTRIES =
  "find /data -mindepth 1 -exec sh -c 'for name; do echo; done' sh {} + | wc -l";

/** What the parts of the demo share. */
interface Demo {
  readonly stage: Stage;
  readonly engine: DemoEngine;
  readonly image: string;
  readonly run: Place;
  /** The volume that is snapshotted, and the one that is restored into. */
  readonly from: string;
  readonly into: string;
}

const interruption = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  // Once: a second Ctrl-C ends this process at once.
  process.once(signal, () => {
    process.stderr.write("\nInterrupted; the demo takes away what it made.\n");
    interruption.abort(new Error("interrupted"));
  });
}
process.stdout.on("error", () => interruption.abort(new Error("nobody reads this any more")));

const stage = new Stage(interruption.signal);
const startedMs = performance.now();
try {
  await runDemo();
  process.stdout.write(`\nAll of it took ${formatDuration(performance.now() - startedMs)}.\n`);
} catch (error) {
  if (interruption.signal.aborted) {
    process.exitCode = INTERRUPTED_CODE;
  } else {
    process.stderr.write(`\nThe demo failed: ${messageOf(error)}\n`);
    process.exitCode = 1;
  }
}

async function runDemo(): Promise<void> {
  stage.say(
    "This shows dockform's main job on real data: a Docker volume is declared, created, snapshotted, and restored into another volume that an application is using. Lines with a $ are what you would type; what is below them is what dockform prints.",
  );
  stage.heading("A Docker Engine");
  await using stack = new AsyncDisposableStack();
  const engine = await stage.timed("find or start an engine", () =>
    DemoEngine.open((words) => stage.say(words)),
  );
  stack.defer(() => engine.remove());
  stage.say(await engine.describe());
  stage.say(
    engine.isPrivate
      ? "It ends with this demo, with everything on it."
      : `It is yours: everything the demo makes there begins with ${engine.prefix}- and is removed in the end.`,
  );
  const folder = await mkdtemp(join(tmpdir(), "dockform-demo-"));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const { reference: image, isNew } = await stage.timed("prepare the helper image", () =>
    engine.findHelperImage(interruption.signal),
  );
  stage.say(
    `All data moves through short-lived containers of one small image, ${image}, which was ${isNew ? "made just now" : "there already"}.`,
  );
  const demo: Demo = {
    stage,
    engine,
    image,
    run: { folder, env: engine.env },
    from: `${engine.prefix}-files`,
    into: `${engine.prefix}-copy`,
  };
  await declare(demo);
  const original = await fill(demo);
  const archive = await snapshot(demo);
  const downtimeMs = await restore(demo, archive);
  await compare(demo, original, archive, downtimeMs);
}

async function declare({ run, from, into, engine }: Demo): Promise<void> {
  stage.heading("A manifest with two volumes");
  const manifest = `identifier: ${engine.prefix}\nvolumes:\n  ${from}: {}\n  ${into}: {}\n`;
  await writeFile(join(run.folder, "dockform.yml"), manifest);
  stage.say(`dockform.yml, in ${run.folder}:`);
  stage.quote(manifest);
  stage.say("");
  await stage.timed("dockform apply", () => stage.dockform(["apply"], run));
}

/** Answers what the first volume then holds. */
async function fill({ engine, image, run, from, into }: Demo): Promise<Tree> {
  stage.heading("Real files, with odd ones among them");
  await stage.timed("fill both volumes", async () => {
    const unpack = { readOnly: false, script: UNPACK_SCRIPT };
    const files = packDemoFiles(PACKAGES);
    await engine.run(image, { ...unpack, volume: from, stdin: files }, text);
    const old = { readOnly: false, script: "tar --extract --file=- --directory=/data" };
    await engine.run(image, { ...old, volume: into, stdin: packOldFiles() }, text);
  });
  const tree = await stage.timed("read the first volume, to compare", () =>
    readTree(engine, image, from),
  );
  stage.say(
    `${from} now holds this project's own node_modules and a folder of odd entries: hard links, a setuid file, names with a newline and with bytes that are no text, owners that nobody has here, times to the nanosecond, an extended attribute, an ACL, a pipe, symbolic links to nowhere, and a file of 33 MB of which ${tree.sparseKiB} KiB are on the disk. Its root folder belongs to 1000:999, mode 2750. ${into} holds ${OLD_FILES.length} other files.`,
  );
  stage.say("");
  const header = /^VOLUME /;
  const ours = new RegExp(`${header.source}|^${from} |^${into} `);
  await stage.timed("dockform volume list", () =>
    stage.dockform(["volume", "list"], run, { only: ours }),
  );
  return tree;
}

/** Answers the snapshot's path, relative to the demo's folder. */
async function snapshot({ run, from }: Demo): Promise<string> {
  stage.heading("A snapshot");
  const words = ["volume", "snapshot", from, "-o", SNAPSHOTS, "--note", "for the demo"];
  await stage.timed("dockform volume snapshot", () => stage.dockform(words, run));
  const names = await readdir(join(run.folder, SNAPSHOTS, from));
  const name = names.find((file) => file.endsWith(".tar.zst"));
  if (name === undefined) throw new Error("there is no snapshot");
  stage.say("");
  stage.say("It is a plain tar.zst beside a .json that describes it; any machine can read both:");
  stage.quote(names.toSorted().join("\n"));
  return join(SNAPSHOTS, from, name);
}

/** Answers for how long the application was down. */
async function restore({ engine, image, run, from, into }: Demo, archive: string): Promise<number> {
  stage.heading("A restore into a volume that is in use");
  const application = await engine.startApplication(image, {
    volume: into,
    readOnly: true,
    script: APPLICATION,
  });
  const before = await engine.runInside(application, COUNT_ENTRIES);
  stage.say(
    `The container ${application} uses ${into}; it sees ${before} entries. A restore would replace them under its feet, so dockform refuses until it is told what may be done:`,
  );
  stage.say("");
  const words = ["volume", "restore", into, archive, "--from-volume", from];
  await stage.timed("dockform volume restore, refused", async () => {
    await stage.dockform(words, run, { expect: 3 });
    stage.say("");
    await stage.dockform([...words, "--force"], run, { expect: 3 });
  });
  stage.say("");
  stage.say(
    "The new files are unpacked beside the old ones while the application runs; it is stopped only while the two change places.",
  );
  stage.say("");
  await stage.timed("dockform volume restore", () =>
    stage.dockform([...words, "--force", "--stop-containers"], run),
  );
  const after = await engine.runInside(application, COUNT_ENTRIES);
  stage.say("");
  stage.say(`The container runs again and sees ${Number(after).toLocaleString("en-US")} entries.`);
  return engine.downtimeMs(application);
}

async function compare(
  { engine, image, run, into }: Demo,
  original: Tree,
  archive: string,
  downtimeMs: number,
): Promise<void> {
  stage.heading("Is it the same?");
  const copy = await stage.timed("read the second volume, and compare", () =>
    readTree(engine, image, into),
  );
  const found = differences(original, copy);
  if (found.length > 0) {
    stage.say(`The volumes differ in ${formatCount(found.length, "place")}:`);
    for (const line of found.slice(0, MOST_DIFFERENCES_SHOWN)) stage.say(`  ${line}`);
    throw new Error("the restored volume is not what was snapshotted");
  }
  const digest = await fileDigest(join(run.folder, archive));
  const sidecar = await readFile(join(run.folder, archive.replace(/\.tar\.zst$/, ".json")), "utf8");
  if (!sidecar.includes(digest)) throw new Error("the sidecar has another checksum");
  stage.say(
    "Both volumes were read with GNU tar alone: contents, owners, modes, times, links, attributes and ACLs of every entry, the root folder's included.",
  );
  stage.table([
    ["first volume", `sha256 ${original.sha256.slice(0, 24)}...`],
    ["second volume", `sha256 ${copy.sha256.slice(0, 24)}..., the same`],
    [
      "entries",
      `${formatCount(copy.entries.size, "entry").replace("entrys", "entries")}, ${formatBytes(copy.bytes)} as tar`,
    ],
    ...[...copy.kinds]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([kind, count]): [string, string] => [`  ${kind}`, count.toLocaleString("en-US")]),
    [SPARSE_FILE, `${original.sparseKiB} KiB on the disk, then ${copy.sparseKiB} KiB`],
    ["snapshot", "sha256 is the one in its .json"],
    ["application", `the same container, down for ${formatDuration(downtimeMs)}`],
  ]);
  stage.say("");
  stage.say("How long each step took:");
  stage.table(stage.timings());
}

async function fileDigest(file: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(file), hash);
  return hash.digest("hex");
}
