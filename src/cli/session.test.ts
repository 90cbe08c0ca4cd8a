import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { Command } from "@commander-js/extra-typings";
import { fakeTerminal, quietInterruption, type FakeConsole } from "../../test/fakes/console.ts";
import { FakeEngine } from "../../test/fakes/engine.ts";
import { linesShown } from "../../test/fakes/screen.ts";
import { shownLine } from "./output/shown-text.ts";
import { Session } from "./session.ts";

interface Setting {
  readonly session: Session;
  /** Lets the bars be drawn. */
  readonly draw: () => void;
  readonly shown: () => readonly string[];
}

/** A command on a terminal of 80 columns that has two bars drawn. */
function withBars(t: TestContext, more: Partial<FakeConsole> = {}): Setting {
  t.mock.timers.enable({ apis: ["setInterval"] });
  t.mock.method(performance, "now", () => 0);
  const now = (): Date => new Date(0);
  const { io, printed } = fakeTerminal({
    cwd: "/",
    engine: new FakeEngine(),
    now,
    columns: 80,
    ...more,
  });
  const command = Object.assign(new Command("dockform"), {
    optsWithGlobals: () => ({ color: false, logLevel: "info", logFormat: "auto" }) as const,
  });
  const session = new Session(io, [], command);
  const ends = [session.tools.startWait("Watching db", 60_000)];
  const task = session.tools.startProgress("Reading data", 100);
  t.after(() => {
    task.end();
    for (const end of ends) end();
  });
  const draw = (): void => t.mock.timers.tick(100);
  draw();
  return { session, draw, shown: () => linesShown(printed().shown) };
}

const BARS = ["Watching db: 0 s of at most 60 s", "Reading data [..........] 0 % 0 of 100 B"];

test("a result stands where the bars were, and they are drawn again below it", (t) => {
  const { session, draw, shown } = withBars(t);
  assert.deepEqual(shown(), BARS);
  session.resultOf<"version">(
    () => assert.fail("no document is asked for"),
    () => ["The result", "has lines"],
  );
  session.log.info("A message");
  assert.deepEqual(shown(), ["The result", "has lines", "A message", ""]);
  draw();
  assert.deepEqual(shown(), ["The result", "has lines", "A message", ...BARS]);
});

test("a line on Ctrl-C stands alone, whether the keys are shown beside a bar or not", (t) => {
  const interruption = quietInterruption();
  const { session, shown } = withBars(t, { interruption });
  // The terminal shows the keys where the cursor is.
  session.io.stderr.write(shownLine("^C"));
  interruption.receive("SIGINT");
  const line = "Interrupted: cleaning up. Ctrl-C again ends at once; then `dockform doctor`.";
  assert.deepEqual(shown(), [line, ""]);
});

test("where no bar is drawn, a line on Ctrl-C begins below the keys", (t) => {
  const interruption = quietInterruption();
  const { session, shown } = withBars(t, { interruption });
  session.log.info("A message");
  session.io.stderr.write(shownLine("^C"));
  interruption.receive("SIGINT");
  assert.deepEqual(shown().slice(0, 3), [
    "A message",
    "^C",
    "Interrupted: cleaning up. Ctrl-C again ends at once; then `dockform doctor`.",
  ]);
});

test("lines on a defect take the place of a bar", (t) => {
  const interruption = quietInterruption();
  const { shown } = withBars(t, { interruption });
  interruption.tellDefect(["unexpected: the command did not finish"]);
  assert.deepEqual(shown(), ["unexpected: the command did not finish", ""]);
});

test("no bar is drawn into a question", async (t) => {
  let drawNow = (): void => {};
  const onOutput = (text: string): void => {
    if (text.includes("Type yes")) drawNow();
  };
  const { session, draw, shown } = withBars(t, { typed: "yes\n", onOutput });
  drawNow = draw;
  await session.confirm("Type yes:", "yes");
  assert.match(shown().join("\n"), /^Type yes: (yes)?\n*$/);
});
