import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmod,
  chown,
  link,
  readdir,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { testEngine } from "../../engine/test-engine.ts";
import { run } from "../../oracle/host.ts";
import { readJson, sidecarOf, writeFiles } from "../archives.ts";
import { FileSystem } from "../file-system.ts";
import { Sandbox } from "../harness.ts";

const engine = await testEngine();
const skip = engine.skipUnlessPrivate;

interface Taken {
  readonly archive: string;
  readonly unchanged: boolean;
  readonly copied_because: { readonly text: string; readonly example: string | null } | null;
  readonly sidecar: Readonly<Record<string, unknown>>;
  readonly stderr: string;
}

/** `volume snapshot --if-changed`, as a nightly job calls it. */
async function nightly(sandbox: Sandbox, volume: string): Promise<Taken> {
  const args = ["volume", "snapshot", volume, "--if-changed", "--json"];
  const { code, stdout, stderr } = await sandbox.dockform(args);
  assert.equal(code, 0, stderr);
  const printed: { snapshots: [Omit<Taken, "stderr">] } = JSON.parse(stdout);
  return { ...printed.snapshots[0], stderr };
}

test("where nothing changed no copy is written, and that is recorded", { skip }, async () => {
  await using sandbox = await Sandbox.create(engine.host);
  const volume = await sandbox.volume("data");
  await writeFiles(volume.folder, { a: "one", "b/c": "two" });
  await sandbox.manifest({
    identifier: sandbox.prefix,
    volumes: { [volume.name]: { snapshot: { every: "1h" } } },
  });
  const first = await nightly(sandbox, volume.name);
  assert.equal(first.unchanged, false);
  const fields = ["algo", "value", "boot", "entries", "newest_change"];
  assert.deepEqual(Object.keys(first.sidecar["fingerprint"] ?? {}), fields);
  assert.match(first.copied_because?.text ?? "", /first snapshot/);
  const sidecar = sidecarOf(first.archive);
  const before = { ...(await readJson(sidecar)), of_another_version: { kept: [1] } };
  await writeFile(sidecar, JSON.stringify(before));

  const second = await nightly(sandbox, volume.name);
  assert.equal(second.unchanged, true);
  assert.equal(second.archive, first.archive);
  const { unchanged_at: unchangedAt, ...others } = await readJson(sidecar);
  assert.deepEqual(others, before);
  assert.ok(String(unchangedAt) >= String(first.sidecar["created_at"]), String(unchangedAt));
  assert.equal((await stat(sidecar)).mode & 0o777, 0o600);
  assert.equal((await readdir(dirname(sidecar))).length, 2);
  const text = await sandbox.dockform(["volume", "snapshot", volume.name, "--if-changed"]);
  assert.match(text.stdout, /^Unchanged: default\/\S+ is as in its newest snapshot/);

  // Two months later, by the names, but looked at just now.
  const old = join(dirname(sidecar), "2026-01-01T00-00-00Z__spec-00000000");
  await rename(first.archive, `${old}.tar.zst`);
  await rename(sidecar, `${old}.json`);
  const status = await sandbox.dockform(["snapshot", "status", "--check", "--json"]);
  assert.equal(status.code, 0, status.stderr);
  assert.equal(JSON.parse(status.stdout).volumes[0].state, "fresh");
});

test("any change is found, however well it hides", { skip }, async () => {
  await using sandbox = await Sandbox.create(engine.host);
  const volume = await sandbox.volume("data");
  const at = (name: string): string => join(volume.folder, name);
  await writeFiles(volume.folder, { a: "one", b: "two", c: "three", "d/e": "four" });
  await symlink("a", at("s"));
  await nightly(sandbox, volume.name);
  const changes: Readonly<Record<string, () => Promise<void>>> = {
    "content of the same length, with the old time": async () => {
      const { atime, mtime } = await stat(at("a"));
      await writeFile(at("a"), "uno");
      await utimes(at("a"), atime, mtime);
    },
    "a mode": () => chmod(at("b"), 0o600),
    "an owner": () => chown(at("b"), 1234, 1234),
    "an attribute": async () => {
      await run("setfattr", ["-n", "user.note", "-v", "x", at("b")]);
    },
    "a name": () => rename(at("c"), at("d/c")),
    "a hard link": () => link(at("b"), at("d/b")),
    "another symbolic link": async () => {
      await rm(at("s"));
      await symlink("b", at("s"));
    },
    "a removed file": () => rm(at("d/e")),
    "the root folder's mode": () => chmod(volume.folder, 0o700),
  };
  for (const [name, change] of Object.entries(changes)) {
    await change();
    const taken = await nightly(sandbox, volume.name);
    assert.equal(taken.unchanged, false, name);
    assert.match(taken.copied_because?.text ?? "", /^[1-9] of \d+ entries changed since/, name);
  }
  assert.equal((await nightly(sandbox, volume.name)).unchanged, true);
});

test("a write through a memory map that was open all the time is found", { skip }, async () => {
  // Of its own, so that nobody else flushes what is written.
  await using fs = await FileSystem.create({ bytes: 16 << 20 });
  await using sandbox = await Sandbox.create(engine.host);
  const { name } = await sandbox.volume("data", { driverOpts: fs.driverOpts });
  await writeFiles(fs.folder, { mapped: "x".repeat(4096) });
  await run("sync", ["-f", fs.folder]);
  const writer = spawn(
    "python3",
    [
      "-c",
      `import mmap, sys
file = open(sys.argv[1], "r+b")
memory = mmap.mmap(file.fileno(), 4096)
for line in sys.stdin:
    memory[0] = ord(line[0])
    print(flush=True)`,
      join(fs.folder, "mapped"),
    ],
    { stdio: ["pipe", "pipe", "inherit"] },
  );
  const write = async (letter: string): Promise<void> => {
    writer.stdin.write(`${letter}\n`);
    await once(writer.stdout, "data");
  };
  try {
    await write("1");
    assert.equal((await nightly(sandbox, name)).unchanged, false);
    await write("2");
    assert.equal((await nightly(sandbox, name)).unchanged, false);
    assert.equal((await nightly(sandbox, name)).unchanged, true);
  } finally {
    writer.stdin.end();
    await once(writer, "close");
  }
});

test(
  "what is written to all the time gets a copy each time, and it is said why",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(engine.host);
    const volume = await sandbox.volume("data");
    let count = 0;
    const timer = setInterval(() => {
      count += 1;
      void writeFile(join(volume.folder, "busy"), String(count));
    }, 50);
    try {
      const first = await nightly(sandbox, volume.name);
      assert.equal(first.sidecar["fingerprint"], undefined);
      assert.match(
        first.copied_because?.text ?? "",
        /cannot tell whether anything changed: files in it are being changed/,
      );
      assert.equal(first.stderr, "");
    } finally {
      clearInterval(timer);
    }
    assert.equal((await nightly(sandbox, volume.name)).unchanged, false);
  },
);

test(
  "a file system that does not tell of every change gets a copy each time",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(engine.host);
    const { name } = await sandbox.volume("data", {
      driverOpts: { type: "tmpfs", device: "tmpfs" },
    });
    await nightly(sandbox, name);
    const second = await nightly(sandbox, name);
    assert.equal(second.unchanged, false);
    assert.match(second.copied_because?.text ?? "", /a volume on tmpfs may change without a trace/);
  },
);

test(
  "a newest snapshot that is cut short, or says nothing of changes, is no reason to take none",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(engine.host);
    const volume = await sandbox.volume("data");
    await writeFiles(volume.folder, { a: "one" });
    const first = await nightly(sandbox, volume.name);
    assert.equal(first.unchanged, false);
    const { fingerprint: _, ...silent } = await readJson(sidecarOf(first.archive));
    await writeFile(sidecarOf(first.archive), JSON.stringify(silent));
    const again = await nightly(sandbox, volume.name);
    assert.match(again.copied_because?.text ?? "", /does not say what the volume's metadata was/);
    await truncate(again.archive, 10);
    const second = await nightly(sandbox, volume.name);
    assert.equal(second.unchanged, false);
    assert.match(second.stderr, /bytes long, and was \d+ when it was stored/);
    assert.equal((await nightly(sandbox, volume.name)).unchanged, true);
  },
);

test("after a snapshot that somebody took nothing is copied again", { skip }, async () => {
  await using sandbox = await Sandbox.create(engine.host);
  const volume = await sandbox.volume("data");
  await writeFiles(volume.folder, { a: "one" });
  // It waits for nothing: what changed a moment ago is not relied on.
  await sleep(2500);
  const taken = await sandbox.snapshot(volume.name);
  const { unchanged, archive } = await nightly(sandbox, volume.name);
  assert.deepEqual([unchanged, archive], [true, taken.archive]);
});
