/** What commands print under `--json`, when they are done, refused, or fail: always one document, as documented. */
import assert from "node:assert/strict";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { assertDocumented } from "../../../test/e2e/documents.ts";
import type { FakeConsole } from "../../../test/fakes/console.ts";
import { putOperation } from "../../../test/fakes/operations.ts";
import { StoredSite } from "../../../test/fakes/stored-site.ts";
import { EngineApiError } from "../../engine/client.ts";
import type { DOCUMENTS } from "./documents.ts";

const MANIFEST = {
  identifier: "x",
  networks: {},
  volumes: {
    data: { snapshot: { every: "1h", keep: { last: 1, within: "1d" } } },
    absent: { driver_opts: { type: "tmpfs" } },
  },
};

interface Story {
  /** The command line, without `--json`. */
  readonly call: string;
  readonly code: number;
  /** What is done before. */
  readonly before?: (site: StoredSite) => unknown;
  readonly prepare?: FakeConsole["prepare"];
  /** In the document, or the code of the error that it is. */
  readonly says?: RegExp;
}

/** The engine answers calls of a kind with an internal error. */
function failing(pattern: RegExp = /./, after = 0): NonNullable<FakeConsole["prepare"]> {
  let left = after;
  return (client) => {
    client.gate = (call, moment) => {
      if (moment !== "asking" || !pattern.test(call)) return;
      left -= 1;
      if (left < 0) throw new EngineApiError(500, "told to fail");
    };
  };
}

const ENGINE_FAILS = { code: 1, prepare: failing(), says: /told to fail/ };
const keep = (site: StoredSite): unknown =>
  site.run("volume restore data latest --force --keep-previous --health-timeout 0".split(" "));
const withoutManifest = (site: StoredSite): unknown => rm(join(site.folder, "dockform.yml"));
const orphan = (site: StoredSite): unknown => site.volume("orphan");
const truncate = (site: StoredSite): unknown =>
  writeFile(
    join(site.folder, ".dockform/snapshots/data/2026-01-01T01-00-00Z__spec-00000000.tar"),
    "cut",
  );
const interrupt = (site: StoredSite): unknown => putOperation(site.engine, "cut", "exited");

const STORIES: Readonly<Record<Exclude<keyof typeof DOCUMENTS, "error">, readonly Story[]>> = {
  init: [
    { call: "init", code: 0, before: withoutManifest },
    { call: "init", code: 3, says: /manifest\.exists/ },
    { call: "init", before: withoutManifest, ...ENGINE_FAILS },
  ],
  validate: [
    { call: "validate", code: 0, says: /"store": ".*\/\.dockform\/snapshots"/ },
    { call: "validate", code: 2, before: withoutManifest, says: /manifest\.not-found/ },
    {
      call: "validate",
      code: 2,
      before: (site) => writeFile(join(site.folder, "dockform.yml"), "volums:\n"),
      says: /"problems": \[/,
    },
  ],
  plan: [
    { call: "plan", code: 0, says: /"keep": null|"remark": null/ },
    { call: "plan", code: 0, before: orphan, says: /"orphan"/ },
    { call: "plan --check", code: 6, says: /"state": "stale"/ },
    { call: "plan", ...ENGINE_FAILS },
  ],
  apply: [
    { call: "apply --skip-confirmation", code: 0, says: /"failures": \[\]/ },
    { call: "apply --prune", code: 3, before: orphan, says: /confirm\.no-terminal/ },
    { call: "apply --skip-confirmation", ...ENGINE_FAILS },
    {
      call: "apply --prune --skip-confirmation",
      code: 1,
      before: orphan,
      prepare: failing(/^DELETE \/volumes\/orphan/),
      says: /"volume": "absent"[^]*"failures": \[\s*\{\s*"context": "default",\s*"volume": "orphan"/,
    },
  ],
  destroy: [
    { call: "destroy --skip-confirmation", code: 0, says: /"archive": "/ },
    { call: "destroy --skip-confirmation --no-snapshot", code: 0, says: /"archive": null/ },
    { call: "destroy", code: 3, says: /confirm\.no-terminal/ },
    { call: "destroy --skip-confirmation", ...ENGINE_FAILS },
    {
      call: "destroy --skip-confirmation --no-snapshot",
      code: 1,
      before: orphan,
      prepare: failing(/^DELETE \/volumes\/orphan/),
      says: /"removed": \[\s*\{[^]*"failures": \[\s*\{\s*"context": "default",\s*"volume": "orphan"/,
    },
  ],
  "volume list": [
    { call: "volume list", code: 0, before: keep, says: /"size_bytes"/ },
    { call: "volume list --context nope", code: 2, says: /context\.not-found/ },
    { call: "volume list", ...ENGINE_FAILS },
  ],
  "volume snapshot": [
    { call: "volume snapshot data", code: 0, says: /"failures": \[\]/ },
    { call: "volume snapshot nothing", code: 1, says: /"code": "volume\./ },
    { call: "volume snapshot", code: 2, says: /"code": "command\./ },
    { call: "volume snapshot data", ...ENGINE_FAILS },
    {
      call: "volume snapshot data nothing",
      code: 1,
      says: /"snapshots": \[\s*\{[^]*"failures": \[\s*\{\s*"context": "default",\s*"volume": "nothing"/,
    },
  ],
  "volume restore": [
    { call: "volume restore data latest --force --health-timeout 0", code: 0 },
    { call: "volume restore data latest --dry-run --force", code: 0, says: /"refusals": \[\]/ },
    { call: "volume restore data latest --dry-run", code: 3, says: /"refusals": \[\s*\{/ },
    { call: "volume restore data latest", code: 3, says: /volume\.not-empty/ },
    { call: "volume restore data latest --from a --strip-components 1", code: 2 },
    { call: "volume restore data 2026-01-01T01 --force", code: 4, before: truncate },
    { call: "volume restore data latest --force", ...ENGINE_FAILS },
  ],
  "volume copy": [
    {
      call: "volume copy data orphan --force --undeclared --health-timeout 0",
      code: 0,
      before: orphan,
      says: /"removed_source": false/,
    },
    {
      call: "volume copy data orphan --force --undeclared --dry-run",
      code: 0,
      before: orphan,
      says: /"entry_count": null/,
    },
    { call: "volume copy data orphan --undeclared", code: 3, before: orphan, says: /not-empty/ },
    { call: "volume copy data data --force", code: 3, says: /copy\.onto-itself/ },
    { call: "volume copy nothing data", code: 1, says: /volume\.not-found/ },
    { call: "volume copy data orphan", ...ENGINE_FAILS },
  ],
  "volume move": [
    {
      call: "volume move orphan data --force --skip-confirmation --health-timeout 0",
      code: 0,
      before: orphan,
      says: /"removed_source": true/,
    },
    { call: "volume move orphan data --force", code: 3, before: orphan, says: /no-terminal/ },
    { call: "volume move orphan data", ...ENGINE_FAILS },
  ],
  "volume undo": [
    { call: "volume undo data --health-timeout 0", code: 0, before: keep },
    { call: "volume undo data", code: 3, says: /"hint": "/ },
    { call: "volume undo data", ...ENGINE_FAILS },
  ],
  "volume undo --discard": [
    { call: "volume undo data --discard --skip-confirmation", code: 0, before: keep },
    { call: "volume undo data --discard", code: 3, before: keep, says: /confirm\.no-terminal/ },
    { call: "volume undo data --discard", ...ENGINE_FAILS },
  ],
  "volume recover": [
    { call: "volume recover --health-timeout 0", code: 0, says: /"failures": \[\]/ },
    { call: "volume recover --health-timeout 0", code: 0, before: interrupt, says: /"gone"/ },
    { call: "volume recover data", code: 0, says: /"contents": "nothing"/ },
    { call: "volume recover nothing", code: 1, says: /volume\.not-found/ },
    { call: "volume recover", ...ENGINE_FAILS },
    {
      call: "volume recover --health-timeout 0",
      code: 1,
      before: (site) => {
        interrupt(site);
        putOperation(site.engine, "data", "exited");
        site.engine.images.clear();
      },
      says: /"gone"[^]*"failures": \[\s*\{\s*"context": "default",\s*"volume": "data"/,
    },
  ],
  "snapshot list": [
    { call: "snapshot list", code: 0, says: /"proven_at": null/ },
    { call: "snapshot list", code: 0, before: truncate, says: /"problem": "it is 3 bytes long/ },
    { call: "snapshot list nothing", code: 2, says: /snapshot\.not-found/ },
  ],
  "snapshot show": [
    { call: "snapshot show data", code: 0, says: /"problem": null/ },
    { call: "snapshot show data@1999", code: 2, says: /"candidates": \[/ },
    { call: "snapshot show ./nothing.tar", code: 1, says: /archive\.not-found/ },
  ],
  "snapshot files": [
    { call: "snapshot files data", code: 0 },
    { call: "snapshot files data nothing", code: 2, says: /archive\.path-not-found/ },
    { call: "snapshot files data@2026-01-01T01", code: 4, before: truncate },
  ],
  "snapshot extract": [
    { call: "snapshot extract data . -o out", code: 0 },
    { call: "snapshot extract data .. -o out", code: 2, says: /archive\.path-not-found/ },
    { call: "snapshot extract data .", code: 2, says: /command\.invalid/ },
    { call: "snapshot extract data@2026-01-01T01 . -o out", code: 4, before: truncate },
  ],
  "snapshot diff": [
    { call: "snapshot diff data latest", code: 0 },
    { call: "snapshot diff data live", code: 0 },
    { call: "snapshot diff data live", ...ENGINE_FAILS },
    { call: "snapshot diff data 1999", code: 2 },
  ],
  "snapshot verify": [
    { call: "snapshot verify data", code: 0 },
    { call: "snapshot verify", code: 2, says: /command\.nothing-named/ },
    { call: "snapshot verify data@2026-01-01T01", code: 4, before: truncate },
    { call: "snapshot verify --all", code: 4, before: truncate, says: /"exit_code": 4/ },
  ],
  "snapshot remove": [
    { call: "snapshot remove data@latest --skip-confirmation", code: 0 },
    { call: "snapshot remove data@latest", code: 3, says: /confirm\.no-terminal/ },
    { call: "snapshot remove data", code: 2, says: /snapshot\.unspecified/ },
  ],
  "snapshot prune": [
    { call: "snapshot prune", code: 0, says: /"context": null,\s*"volume": "data"/ },
    { call: "snapshot prune --delete", code: 0, says: /"failures": \[\]/ },
    { call: "snapshot prune nothing", code: 2 },
    { call: "snapshot prune --keep-last 0", code: 2, says: /command\.invalid/ },
  ],
  "snapshot status": [
    { call: "snapshot status", code: 0, says: /"created_at": "2026-01-01T02:00:00Z"/ },
    { call: "snapshot status --check", code: 6 },
    { call: "snapshot status", code: 2, before: withoutManifest },
  ],
  "snapshot drill": [
    // One that succeeds needs networks: test/e2e/drill.
    { call: "snapshot drill data", code: 2 },
    { call: "snapshot drill data --image app:1 --command true", ...ENGINE_FAILS },
  ],
  doctor: [
    { call: "doctor", code: 0, says: /"advice": null/ },
    { call: "doctor --check", code: 6 },
    { call: "doctor", ...ENGINE_FAILS },
    { call: "doctor", code: 0, before: interrupt, says: /"advice": "/ },
  ],
  nightly: [
    { call: "nightly", code: 1, says: /"outcome": "written"[^]*"state": "missing"/ },
    { call: "nightly --dry-run", code: 0, says: /"outcome": "due"/ },
    { call: "nightly", code: 2, before: withoutManifest, says: /manifest\.not-found/ },
    { call: "nightly", ...ENGINE_FAILS },
  ],
  version: [
    { call: "version", code: 0 },
    { call: "version --nothing", code: 2, says: /command\.invalid/ },
    { call: "version --log-file /nowhere/x", code: 2, says: /log\.unwritable/ },
  ],
};

for (const [name, stories] of Object.entries(STORIES)) {
  test(`${name} prints one document, whatever becomes of it`, async () => {
    for (const { call, code, before, prepare, says = /./ } of stories) {
      await using site = await StoredSite.create(MANIFEST);
      site.engine.images.add("app:1");
      await site.volume("data");
      await site.snapshot("data", "2026-01-01T01-00-00Z");
      await site.snapshot("data", "2026-01-01T02-00-00Z");
      await before?.(site);
      const words = [...call.split(" "), "--json"];
      const printed = await site.run(words, prepare === undefined ? {} : { prepare });
      const all = `${call}\n${printed.stdout}\n${printed.stderr}`;
      assert.equal(printed.code, code, all);
      assert.match(printed.stdout, says, all);
      assertDocumented(words, printed.stdout);
    }
  });
}
