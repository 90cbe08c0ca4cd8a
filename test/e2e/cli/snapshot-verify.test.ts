/** `dockform snapshot ...` without any engine: nothing listens where DOCKER_HOST points. */
import assert from "node:assert/strict";
import { readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { intactTar } from "../../fixtures/hostile-tar.ts";
import { assertError, readJson, sidecarOf } from "../archives.ts";
import type { CliResult } from "../cli-process.ts";
import { store } from "../snapshot-store.ts";
import { done, place, source, type Place } from "../snapshot-place.ts";

const skip = process.getuid?.() !== 0 && "owners, attributes and devices need root";

/** A snapshot whose sidecar counts right, as this program's own do. */
async function countedSnapshot(at: Place): Promise<string> {
  const from = await source(at.sandbox, { a: "text", b: "x".repeat(5000), "c/d": "y" });
  const archive = await store(from, join(at.root, "data"), { time: "2026-11-22T02:15:40" });
  const { size } = await stat(archive);
  const [verified] = JSON.parse(done(await at.run("verify", archive, "--json"))).snapshots;
  const sidecar = await readJson(sidecarOf(archive));
  const counts = {
    format_version: 1,
    stored_bytes: size,
    entry_count: verified.entry_count,
    file_count: 3,
    uncompressed_bytes: verified.uncompressed_bytes,
    from_the_future: [1],
  };
  await writeFile(sidecarOf(archive), JSON.stringify({ ...sidecar, ...counts }));
  return archive;
}

test("verify records when it was, and keeps what it does not know", async () => {
  await using at = await place();
  const archive = await countedSnapshot(at);
  await writeFile(
    sidecarOf(archive),
    (await readFile(sidecarOf(archive), "utf8")).replace(/"verified_at":"[^"]*",/, ""),
  );
  assert.match(done(await at.run("list")), / never\n/);
  done(await at.run("verify", "data@latest"));
  const sidecar = await readJson(sidecarOf(archive));
  assert.match(String(sidecar["verified_at"]), /^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  assert.deepEqual(sidecar["from_the_future"], [1]);
  assert.match(done(await at.run("list")), / ago\n/);
  assert.deepEqual((await readdir(dirname(archive))).length, 2);
});

test("a flipped byte anywhere in the archive is found, and recorded until it is found good", async () => {
  await using at = await place();
  const archive = await countedSnapshot(at);
  const whole = await readFile(archive);
  const step = Math.ceil(whole.length / 12);
  const places = [...Array(12).keys()].map((i) => i * step).filter((byte) => byte < whole.length);
  for (const byte of [...places, whole.length - 1]) {
    const flipped = Buffer.from(whole);
    flipped.writeUInt8(flipped.readUInt8(byte) ^ 0x40, byte);
    await writeFile(archive, flipped);
    const result = await at.run("verify", "data@2026", "--json");
    assertError(result, { exitCode: 4, message: new RegExp(archive), hint: /./ });
  }
  const damaged = await readJson(sidecarOf(archive));
  assert.match(String(damaged["damaged_at"]), /^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  assert.equal(damaged["verified_at"], undefined);
  assert.match(done(await at.run("list")), /damaged: found damaged at 20/);
  await writeFile(archive, whole);
  done(await at.run("verify", "data@2026"));
  const { damaged_at: damagedAt, verified_at: verifiedAt } = await readJson(sidecarOf(archive));
  assert.deepEqual([damagedAt, typeof verifiedAt], [undefined, "string"]);
});

test("any damage to the sidecar is an error that names it", async () => {
  await using at = await place();
  const archive = await countedSnapshot(at);
  const whole = await readFile(sidecarOf(archive), "utf8");
  const good: Record<string, unknown> = JSON.parse(whole);
  const damages: Readonly<Record<string, string>> = {
    "cut short": whole.slice(0, -10),
    "not JSON": "garbage",
    empty: "",
    "another checksum": whole.replace(
      /"tar_zst":\s*"./,
      (text) => `${text.slice(0, -1)}${text.endsWith("0") ? "1" : "0"}`,
    ),
    "no checksum": JSON.stringify({ ...good, checksum: { algo: "sha256" } }),
    "a field of another type": JSON.stringify({ ...good, file_count: "3" }),
    "another length": JSON.stringify({ ...good, stored_bytes: 7 }),
    "fewer entries": JSON.stringify({ ...good, entry_count: 1 }),
    "more files": JSON.stringify({ ...good, file_count: 4 }),
    "more bytes": JSON.stringify({ ...good, uncompressed_bytes: 1 }),
    "a newer format": JSON.stringify({ ...good, format_version: 99 }),
  };
  for (const [name, text] of Object.entries(damages)) {
    await writeFile(sidecarOf(archive), text);
    const { code, stderr } = await at.run("verify", archive);
    assert.equal(code, 4, `${name}: ${stderr}`);
    const base = archive.replace(/\.tar\.zst$/, "");
    assert.ok(stderr.includes(base), `${name} names no file: ${stderr}`);
  }
});

test("a good snapshot in a store that cannot be written to is good", { skip }, async () => {
  await using at = await place();
  const from = await source(at.sandbox, { file: "text" });
  const archive = await store(from, join(at.root, "data"), { time: "2026-11-22T02:15:40" });
  const before = await readFile(sidecarOf(archive), "utf8");
  const command = `
    mount --bind .dockform .dockform && mount -o remount,bind,ro .dockform && exec "$0" "$@"`;
  const under = ["unshare", "--mount", "sh", "-c", command];
  const verify = async (...flags: readonly string[]): Promise<CliResult> =>
    at.sandbox.dockform(["snapshot", "verify", "data@latest", ...flags], { under });
  const shown = await verify();
  assert.match(done(shown), /^good /);
  assert.match(shown.stderr, /^warning: .*EROFS/);
  const [verified] = JSON.parse(done(await verify("--json"))).snapshots;
  assert.deepEqual([verified.ok, verified.verified_at, verified.error], [true, null, null]);
  assert.equal(await readFile(sidecarOf(archive), "utf8"), before);
});

test("verify --all goes on after a damaged one, and counts a lost one", async () => {
  await using at = await place();
  const from = await source(at.sandbox, { file: "text" });
  const data = join(at.root, "data");
  await store(from, data, { time: "2026-11-21T02:15:40" });
  const cut = await store(from, data, { time: "2026-11-22T02:15:40", format: "tar" });
  const lost = await store(from, data, { time: "2026-11-23T02:15:40" });
  await store(from, join(at.root, "backup", "db"), { time: "2026-11-23T02:15:40" });
  await truncate(cut, 1024);
  await rm(lost);
  const result = await at.run("verify", "--all");
  assert.equal(result.code, 4, result.stdout);
  assert.match(result.stdout, /^4 snapshots: 2 good \([^)]+\), 2 damaged$/m);
  assert.match(result.stdout, /^damaged .*2026-11-22T02-15-40Z.*\n +.*cut short|end mark/m);
  assert.match(result.stdout, /^damaged .*2026-11-23T02-15-40Z.*\n +.*does not exist/m);
  const { snapshots } = JSON.parse((await at.run("verify", "--all", "--json")).stdout);
  assert.deepEqual(
    new Set(snapshots.map(({ error }: { error: { code: string } | null }) => error?.code)),
    new Set([undefined, "archive.damaged", "archive.not-found"]),
  );
  assertError(await at.run("verify", "--json"), {
    exitCode: 2,
    message: /nothing to verify/,
    hint: /--all/,
  });
});

test("an archive without a sidecar is verified as far as that goes", async () => {
  await using at = await place();
  const archive = at.sandbox.path("plain.tar");
  await writeFile(archive, intactTar());
  assert.match(done(await at.run("verify", archive)), /good .*plain.tar\n.*no sidecar/);
});
