import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { sampleSidecar } from "../../../test/contract/sidecar.ts";
import { runOnConsole } from "../../../test/fakes/console.ts";
import { FakeEngine } from "../../../test/fakes/engine.ts";
import { FakeSite } from "../../../test/fakes/workspace.ts";

test("the table of `snapshot status` fits a terminal of 80 columns, whatever a volume is called", async () => {
  const volume = `paperless_${"x".repeat(60)}`;
  await using site = await FakeSite.create({ identifier: "x", volumes: { [volume]: {} } }, {});
  const into = join(site.folder, ".dockform", "snapshots", volume);
  await mkdir(into, { recursive: true });
  const time = "2026-01-01T01:00:00Z";
  const sidecar = sampleSidecar({
    volume_name: volume,
    created_at: time,
    verified_at: time,
    proven_at: time,
  });
  const base = join(into, "2026-01-01T01-00-00Z__spec-00000000");
  await writeFile(`${base}.tar.zst`, "data");
  await writeFile(`${base}.json`, JSON.stringify(sidecar));
  const { stdout } = await runOnConsole(["snapshot", "status"], {
    cwd: site.folder,
    engine: new FakeEngine(),
    now: () => new Date("2026-01-02T03:04:05Z"),
    columns: 80,
  });
  const lines = stripVTControlCharacters(stdout).trimEnd().split("\n");
  assert.equal(lines.length, 2);
  for (const line of lines) assert.ok(line.length <= 80, line);
  assert.match(lines[1] ?? "", /^paperless_x+…x+ .* 26 hours .* 26 hours ago +26 hours ago$/);
});
