import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { quietInterruption, type FakeConsole } from "../../test/fakes/console.ts";
import type { Health } from "../../test/fakes/container.ts";
import { StoredSite } from "../../test/fakes/stored-site.ts";
import { inFastTime } from "../../test/fakes/time.ts";
import type { Phase } from "../events.ts";
import { InterruptedPhase } from "./interrupted-phase.ts";

interface Ended {
  readonly code: number;
  /** What was said after the keys were pressed, as it stands in lines. */
  readonly said: string;
  readonly inPlace: string;
  readonly stdout: string;
}

/** A volume with old contents, its container, and a snapshot of new ones. */
class Scene implements AsyncDisposable {
  readonly site: StoredSite;
  readonly #archive: string;

  private constructor(site: StoredSite, archive: string) {
    this.site = site;
    this.#archive = archive;
  }

  static async create(health?: Health["Status"]): Promise<Scene> {
    const site = await StoredSite.create({ identifier: "x", volumes: { data: {} } });
    await site.volume("data");
    const archive = await site.snapshot("data", "2026-01-01T00-00-00Z");
    const app = site.engine.createContainer("app", {
      Image: "app:1",
      HostConfig: { Mounts: [{ Type: "volume", Source: "data", Target: "/data" }] },
    });
    site.engine.startContainer(app.id);
    if (health !== undefined) app.health = { Status: health, Log: [] };
    return new Scene(site, archive);
  }

  async restore(more: Partial<FakeConsole>, ...args: readonly string[]): Promise<Ended> {
    const flags = ["--force", "--stop-containers", "-v", ...args];
    return await this.run(["volume", "restore", "data", this.#archive, ...flags], more);
  }

  async run(words: readonly string[], more: Partial<FakeConsole>): Promise<Ended> {
    const { code, shown, stdout } = await this.site.run(words, more);
    const [, said = ""] = stripVTControlCharacters(shown).split(/^(?=Interrupted)/m);
    const text = this.site.contents.disk("data").contents.includes("new") ? "new" : "old";
    return { code, said, inPlace: text, stdout };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.site[Symbol.asyncDispose]();
  }
}

/** Signals that come as soon as a phase begins. */
function signalsAt(phase: Phase, ...signals: readonly NodeJS.Signals[]): Partial<FakeConsole> {
  const interruption = quietInterruption();
  let isOver = false;
  return {
    interruption,
    onOutput: (text) => {
      if (isOver || !text.includes(`phase: ${phase}\n`)) return;
      isOver = true;
      for (const signal of signals) interruption.receive(signal);
    },
  };
}

const RECOVER = "Ctrl-C again ends at once; then `dockform volume recover`.";

for (const [phase, begins, over] of [
  ["check", "nothing was replaced, and what was extracted is removed", "nothing was replaced"],
  ["extract", "nothing was replaced, and what was extracted is removed", "nothing was replaced"],
  [
    "stop",
    "the old contents stay, and containers are started again",
    "the old contents are in place",
  ],
  [
    "swap",
    "the swap is finished; where containers are watched, the old contents are then put back",
    "the old contents are in place",
  ],
  [
    "start",
    "the swap is finished; where containers are watched, the old contents are then put back",
    "the old contents are in place",
  ],
  [
    "health",
    "the old contents are put back, and containers are started again",
    "the old contents are in place",
  ],
] as const) {
  test(`Ctrl-C in the phase ${phase} says what is done about it, and in the end what is true`, async () => {
    await using scene = await Scene.create();
    const ended = await scene.restore(signalsAt(phase, "SIGINT"));
    assert.equal(ended.said.split("\n")[0], `Interrupted: ${begins}. ${RECOVER}`);
    assert.match(ended.said, new RegExp(`^error: interrupted: ${over}$`, "m"));
    assert.equal(ended.said.match(/interrupted/g)?.length, 1, ended.said);
    assert.equal(ended.code, 130);
    assert.equal(ended.inPlace, "old");
    assert.equal(scene.site.engine.container("app").state, "running");
  });
}

test("Ctrl-C while old contents are put back lets that be finished, and the failure be told", async (t) => {
  await using scene = await Scene.create("unhealthy");
  const ended = await inFastTime(t, () => scene.restore(signalsAt("go-back", "SIGINT")));
  assert.match(ended.said, /^Interrupted: the old contents are being put back, which is finished/);
  assert.match(ended.said, /^error: not healthy on the new contents/m);
  assert.match(ended.said, /^error: interrupted$/m);
  assert.equal(ended.code, 130);
  assert.equal(ended.inPlace, "old");
});

test("once the new contents are proven, Ctrl-C does not take them back, and says so", async () => {
  await using scene = await Scene.create();
  const ended = await scene.restore(signalsAt("clean-up", "SIGINT"), "--health-timeout", "0");
  assert.match(ended.said, /^Interrupted: the new contents stay; what they replaced is still/);
  assert.match(ended.said, /^Restored default\/data/m);
  assert.equal(ended.code, 0);
  assert.equal(ended.inPlace, "new");
});

test("where the new contents cannot be renamed, an interruption does not claim that old ones are in place", async () => {
  await using scene = await Scene.create();
  scene.site.contents.instead.set("swap_back", () => ({ facts: { stays: "", swapped: "" } }));
  const ended = await scene.restore(signalsAt("health", "SIGINT"));
  assert.match(ended.said, /^error: interrupted: the new contents stay\n  The new contents stay/m);
  assert.match(ended.said, /The old ones are kept in its folder \.dockform-kept\/contents/);
  assert.equal(ended.code, 130);
  assert.equal(ended.inPlace, "new");
});

test("what is said follows the phases of every volume", () => {
  const say = (...phases: readonly (readonly [Phase, ...string[]])[]): string => {
    const interrupted = new InterruptedPhase();
    for (const [phase, ...volumes] of phases) {
      interrupted.note({ type: "phase", phase, volumes: volumes.length > 0 ? volumes : ["data"] });
    }
    return [interrupted.begins(false), interrupted.over().message].join(" ");
  };
  const inPlace = [["stop"], ["safety"], ["clear"], ["extract"]] as const;
  assert.match(say(...inPlace.slice(0, 2)), /^Interrupted: the old contents stay/);
  for (const count of [3, 4]) {
    const broughtBack = /old contents are brought back from their snapshot.*interrupted$/;
    assert.match(say(...inPlace.slice(0, count)), broughtBack);
  }
  assert.match(
    say(...inPlace, ["go-back"]),
    /being put back.* interrupted: the old contents are in place$/,
  );
  assert.match(
    say(["go-back"], ["clean-up"]),
    /in place again; .* interrupted: the old contents are in place$/,
  );
  assert.match(say(["health"], ["clean-up"]), /the new contents stay; .* interrupted$/);
  assert.match(say(["stop", "a", "b"], ["swap", "a"]), /the swap is finished/);
  for (const mixed of [say(["health", "a"], ["clean-up", "b"]), say()]) {
    assert.equal(mixed, "Interrupted: cleaning up. interrupted");
  }
});

test("Ctrl-C in a snapshot says that none is kept which is not complete", async () => {
  await using scene = await Scene.create();
  const ended = await scene.run(
    ["volume", "snapshot", "data", "-v"],
    signalsAt("snapshot", "SIGINT"),
  );
  const line = "Interrupted: no snapshot is kept that is not complete. Ctrl-C again ends at once.";
  assert.equal(ended.said.split("\n")[0], line);
  assert.match(ended.said, /^error: interrupted: no snapshot was kept that was not complete$/m);
  assert.equal(ended.code, 130);
});

test("advice names what finds the same volumes, and nobody is told of keys who pressed none", async () => {
  await using scene = await Scene.create();
  const { folder } = scene.site;
  const keys = await scene.restore(signalsAt("stop", "SIGINT"), "--manifest", folder);
  assert.match(keys.said, /`dockform volume recover --manifest \S+`\.\n/);
  const { said } = await scene.restore(signalsAt("stop", "SIGTERM"));
  assert.match(said, /^Interrupted: the old contents stay, and containers are started again\.\n/);
});

/** Presses Ctrl-C again after a while. */
async function pressedTwice(
  t: TestContext,
  phase: Phase,
  afterMs: number,
  ...args: readonly string[]
): Promise<Pick<Ended, "said" | "stdout"> & { readonly endedAtOnce: boolean }> {
  await using scene = await Scene.create();
  let endedAtOnce = false;
  const interruption = quietInterruption(() => (endedAtOnce = true));
  const clock = t.mock.method(performance, "now", () => 5000);
  const onOutput = (text: string): void => {
    if (interruption.signal.aborted || !text.includes(`phase: ${phase}\n`)) return;
    interruption.receive("SIGINT");
    clock.mock.mockImplementation(() => 5000 + afterMs);
    interruption.receive("SIGINT");
    clock.mock.restore();
  };
  const { said, stdout } = await scene.restore({ interruption, onOutput }, ...args);
  return { said, stdout, endedAtOnce };
}

test("a second Ctrl-C ends at once, and says what recover will do", async (t) => {
  for (const [phase, line] of [
    ["check", ": nothing was replaced\n  `dockform volume recover` removes what is left."],
    [
      "stop",
      ": the old contents are in place\n  `dockform volume recover` starts the containers again.",
    ],
    [
      "swap",
      "\n  `dockform volume recover` puts old or new contents in place as a whole, and starts the containers.",
    ],
  ] as const) {
    const { said, endedAtOnce } = await pressedTwice(t, phase, 1000);
    assert.equal(endedAtOnce, true);
    assert.ok(said.includes(`\nerror: interrupted, and ended at once${line}\n`), said);
  }
});

test("with --json ending at once is a document, too", async (t) => {
  const { stdout } = await pressedTwice(t, "stop", 1000, "--json");
  assert.match(
    stdout,
    /"message": "interrupted, and ended at once: the old contents are in place"/,
  );
  assert.match(stdout, /"exit_code": 130/);
});

test("what comes twice for one press of the keys, and another signal, end nothing at once", async (t) => {
  const { said, endedAtOnce } = await pressedTwice(t, "stop", 999);
  assert.equal(endedAtOnce, false);
  assert.equal(said.includes("ended at once"), false);
  await using scene = await Scene.create();
  const other = await scene.restore(signalsAt("stop", "SIGINT", "SIGTERM", "SIGHUP"));
  assert.equal(other.said.match(/Still cleaning up/g)?.length, 2);
  assert.equal(other.inPlace, "old");
});
