import assert from "node:assert/strict";
import { test } from "node:test";
import { parseManifest } from "../manifest/parse.ts";
import type { RetentionPolicy } from "../snapshot/retention.ts";
import { policyOfManifest } from "./prune.ts";

function policy(manifest: unknown, volume: string, context?: string): RetentionPolicy | undefined {
  const parsed = parseManifest(JSON.stringify(manifest), { file: "dockform.yml", env: {} });
  return policyOfManifest(parsed.manifest, { context, volume, snapshots: [], leftovers: [] });
}

const keeping = (daily: number): unknown => ({ snapshot: { keep: { daily } } });

const twoContexts = {
  contexts: {
    home: { host: "unix:///home.sock", volumes: { data: keeping(1), own: keeping(2) } },
    work: { host: "unix:///work.sock", volumes: { data: keeping(3) } },
  },
};

test("a manifest of one context speaks for whatever context a snapshot is listed under", () => {
  const manifest = { identifier: "x", volumes: { data: keeping(7), plain: {} } };
  assert.deepEqual(policy(manifest, "data"), { daily: 7 });
  assert.deepEqual(policy(manifest, "data", "elsewhere"), { daily: 7 });
  assert.equal(policy(manifest, "plain"), undefined);
  assert.equal(policy(manifest, "unknown"), undefined);
});

test("of several contexts that declare a volume the one that the snapshots are listed under counts", () => {
  assert.deepEqual(policy(twoContexts, "data", "home"), { daily: 1 });
  assert.deepEqual(policy(twoContexts, "data", "work"), { daily: 3 });
});

test("where it is not known which of them is meant, no rule is taken: all is kept", () => {
  assert.equal(policy(twoContexts, "data"), undefined);
  assert.deepEqual(policy(twoContexts, "own"), { daily: 2 });
});
