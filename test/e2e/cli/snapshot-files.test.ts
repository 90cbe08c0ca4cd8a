/** `dockform snapshot ...` without any engine: nothing listens where DOCKER_HOST points. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { run } from "../../oracle/host.ts";
import { assertError } from "../archives.ts";
import { store } from "../snapshot-store.ts";
import { done, place, source } from "../snapshot-place.ts";

const skip = process.getuid?.() !== 0 && "owners, attributes and devices need root";

test("files lists as ls -l does, one path or all", { skip }, async () => {
  await using at = await place();
  const from = await source(at.sandbox, { "conf/app.ini": "[a]\n", data: "0123456789" });
  await run(
    "sh",
    [
      "-euc",
      "chown 70:71 data; chmod 4750 data; ln -s conf link; mknod null c 1 3; find . -exec touch -h -d @1700000000 {} +",
    ],
    { cwd: from },
  );
  const archive = await store(from, join(at.root, "data"), { time: "2026-11-22T02:15:40" });
  const lines = done(await at.run("files", archive))
    .trim()
    .split("\n")
    .toSorted();
  assert.deepEqual(lines.slice(0, 3), [
    "-rw-r--r--      0     0            4 2023-11-14 22:13:20 conf/app.ini",
    "-rwsr-x---     70    71           10 2023-11-14 22:13:20 data",
    "crw-r--r--      0     0         1, 3 2023-11-14 22:13:20 null",
  ]);
  assert.match(lines.at(-1) ?? "", /^lrwxrwxrwx .* link -> conf$/);
  assert.match(done(await at.run("files", archive, "conf")), /^d.* conf\n-.* conf\/app.ini\n$/);
  const json: { entries: { path: string; mode: string; uid: number }[] } = JSON.parse(
    done(await at.run("files", archive, "data", "--json")),
  );
  assert.deepEqual(
    json.entries.map(({ path, mode, uid }) => [path, mode, uid]),
    [["data", "4750", 70]],
  );
  assertError(await at.run("files", archive, "nothing", "--json"), {
    exitCode: 2,
    message: /no nothing/,
    hint: /./,
  });
});

test("cat prints a file, through its other names, with its holes, and whatever its name", async () => {
  await using at = await place();
  const from = await source(at.sandbox, { text: "line\n", "a\nb": "odd" });
  await run(
    "sh",
    [
      "-euc",
      `ln text another; ln -s text link; truncate -s 300000 sparse; echo end >>sparse; printf odd >"$(printf 'n\\377')"`,
    ],
    { cwd: from },
  );
  const archive = await store(from, join(at.root, "data"), { time: "2026-11-22T02:15:40" });
  assert.equal(done(await at.run("cat", "data@latest", "text")), "line\n");
  assert.equal(done(await at.run("cat", archive, "./another")), "line\n");
  assert.equal(done(await at.run("cat", archive, "sparse")), `${"\0".repeat(300_000)}end\n`);
  assert.equal(done(await at.run("cat", archive, "a\\nb")), "odd");
  assert.equal(done(await at.run("cat", archive, "n\\xff")), "odd");
  assertError(await at.run("cat", archive, "link", "--json"), {
    exitCode: 2,
    message: "link is a symbolic link to text, not a file",
    hint: /extract/,
  });
  assertError(await at.run("cat", archive, "none", "--json"), {
    exitCode: 2,
    message: /^there is no none/,
    hint: /./,
  });
});

/** Where standard output goes: disks with room for a part of a piece, and for nothing. */
const FULL_DISKS = [
  ["cat", 'mount -t tmpfs -o size=64k tmpfs "$TMPDIR" && exec "$0" "$@" >"$TMPDIR/output"'],
  ["cat", 'exec "$0" "$@" >/dev/full'],
  ["files", 'exec "$0" "$@" >/dev/full'],
  ["show", 'exec "$0" "$@" >/dev/full'],
] as const;

for (const [verb, command] of FULL_DISKS) {
  const where = command.replace(/.*>/, "");
  test(`what ${verb} cannot write into ${where} is a failure`, { skip }, async () => {
    await using at = await place();
    const from = await source(at.sandbox, { large: randomBytes(100_000) });
    const archive = await store(from, join(at.root, "data"), { time: "2026-11-22T02:15:40" });
    const args = ["snapshot", verb, archive, ...(verb === "cat" ? ["large"] : [])];
    const under = ["unshare", "--mount", "sh", "-c", command];
    const { code, stderr } = await at.sandbox.dockform(args, { under });
    assert.equal(code, 1, stderr);
    assert.match(stderr, /^error: cannot write to standard output: ENOSPC.*\n {2}\S.*\n$/);
  });
}

test("a slow reader gets a large file without a warning", async () => {
  await using at = await place();
  const from = await source(at.sandbox, { large: randomBytes(20e6) });
  const archive = await store(from, join(at.root, "data"), { time: "2026-11-22T02:15:40" });
  const { code, stdout, stderr } = await at.sandbox.dockform(
    ["snapshot", "cat", archive, "large"],
    {
      under: ["sh", "-c", '"$0" "$@" | { sleep 1; wc -c; }'],
    },
  );
  assert.deepEqual([code, stdout.trim(), stderr], [0, "20000000", ""]);
});

test("100,000 entries are listed, verified and compared", async () => {
  await using at = await place();
  const from = await source(at.sandbox, {});
  await run(
    "sh",
    ["-euc", "for d in $(seq 100); do mkdir $d; (cd $d; seq 1000 | split -l 1 -a 3 -d - f); done"],
    { cwd: from },
  );
  const archive = await store(from, join(at.root, "data"), { time: "2026-11-22T02:15:40" });
  const listed = done(await at.run("files", archive));
  assert.equal(listed.split("\n").length - 1, 100_101);
  const verified: { snapshots: { entry_count: number; file_count: number }[] } = JSON.parse(
    done(await at.run("verify", archive, "--json")),
  );
  assert.equal(verified.snapshots[0]?.entry_count, 100_101);
  assert.equal(verified.snapshots[0]?.file_count, 100_000);
  await writeFile(join(from, "50", "f500"), "changed\n");
  const later = await store(from, join(at.root, "data"), {
    time: "2026-11-23T02:15:40",
    format: "tar",
  });
  const found = done(await at.run("diff", archive, later));
  assert.match(found, /^~ 50\/f500 {2}size \d+ -> 8; content; time /m);
  assert.match(found, /^0 added, 0 removed, 1 changed$/m);
});
