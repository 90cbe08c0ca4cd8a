import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { stripVTControlCharacters } from "node:util";
import type { FakeConsole, Printed } from "../../test/fakes/console.ts";
import { linesShown } from "../../test/fakes/screen.ts";
import { StoredSite } from "../../test/fakes/stored-site.ts";
import { inFastTime } from "../../test/fakes/time.ts";

const WAIT = "Watching app: at most 20 s";
const WAIT_BAR = /Watching app: \d+ s of at most 20 s/;

/** A restore whose container takes some seconds to be healthy; bars are drawn whenever it is looked at. */
async function restoreSlowly(
  t: TestContext,
  args: readonly string[],
  more: Partial<FakeConsole> = {},
): Promise<Printed> {
  await using site = await StoredSite.create({ identifier: "x", volumes: { data: {} } });
  await site.volume("data");
  const archive = await site.snapshot("data", "2026-01-01T00-00-00Z");
  const app = site.engine.createContainer("app", {
    Image: "app:1",
    HostConfig: { Mounts: [{ Type: "volume", Source: "data", Target: "/data" }] },
  });
  site.engine.startContainer(app.id);
  app.health = { Status: "starting", Log: [] };
  let draw = (): void => {};
  const { setInterval: realInterval } = globalThis;
  const intervals = t.mock.method(globalThis, "setInterval", (act: () => void, ms: number) => {
    if (ms === 100) draw = act;
    return realInterval(act, ms);
  });
  let looks = 0;
  const prepare: FakeConsole["prepare"] = (client) => {
    client.gate = (call, moment) => {
      if (call !== `GET /containers/${app.id}/json` || moment !== "asking") return;
      draw();
      looks += 1;
      if (looks === 60) app.health = { Status: "healthy", Log: [] };
    };
  };
  const flags = ["--force", "--stop-containers", "--health-timeout", "20", ...args];
  const words = ["volume", "restore", "data", archive, ...flags];
  const printed = await inFastTime(t, () => site.run(words, { columns: 80, prepare, ...more }));
  intervals.mock.restore();
  assert.equal(printed.code, 0, printed.stderr);
  return printed;
}

test("what is waited for is shown on a terminal as long as it lasts, and told once elsewhere", async (t) => {
  const { shown, stderr } = await restoreSlowly(t, []);
  assert.match(stderr, WAIT_BAR);
  assert.equal(WAIT_BAR.test(linesShown(shown).join("\n")), false, "it goes when it has ended");
  const piped = await restoreSlowly(t, [], { isTerminal: false });
  assert.equal(piped.stderr.split(`${WAIT}\n`).length, 2, piped.stderr);
  assert.equal(WAIT_BAR.test(piped.stderr), false);
});

test("--quiet leaves results and warnings, and draws nothing", async (t) => {
  for (const isTerminal of [true, false]) {
    const { stdout, stderr } = await restoreSlowly(t, ["--quiet"], { isTerminal });
    assert.match(stripVTControlCharacters(stderr), /^warning: the snapshot was taken of a volume/);
    assert.equal(/Stopping|Starting|Watching|Reading/.test(stderr), false, stderr);
    assert.match(stdout, /^Restored default\/data/);
  }
});

test("--quiet keeps errors", async () => {
  await using site = await StoredSite.create({ identifier: "x", volumes: {} });
  const { code, stderr } = await site.run(["volume", "snapshot", "gone", "-q"]);
  assert.match(stderr, /error: /);
  assert.notEqual(code, 0);
});

test("times are those of this machine on a terminal, and UTC elsewhere and with --utc", async (t) => {
  const { TZ } = process.env;
  process.env["TZ"] = "Asia/Kolkata";
  t.after(() => {
    if (TZ === undefined) delete process.env["TZ"];
    else process.env["TZ"] = TZ;
  });
  await using site = await StoredSite.create({ identifier: "x", volumes: { data: {} } });
  const archive = await site.snapshot("data", "2026-01-01T00-00-00Z", {
    created_at: "2026-01-01T00:00:00Z",
  });
  const show = async (args: readonly string[], isTerminal: boolean): Promise<string> =>
    (await site.run(["snapshot", "show", archive, ...args], { isTerminal })).stdout;
  assert.match(await show([], true), /2026-01-01 05:30:00 \+05:30/);
  for (const [args, isTerminal] of [
    [["--utc"], true],
    [[], false],
    [["--json"], true],
  ] as const) {
    const text = await show(args, isTerminal);
    assert.match(text, /2026-01-01T00:00:00Z/, args.join());
    assert.equal(text.includes("05:30"), false);
  }
});
