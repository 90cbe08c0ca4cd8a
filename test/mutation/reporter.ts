import type { TestEvent } from "node:test/reporters";

/**
 * TAP for Stryker that says of a failed test whether it failed or was given up on: on a busy machine, the latter may be
 * no find.
 */
// oxlint-disable-next-line import/no-default-export -- node:test takes nothing else
export default async function* report(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  yield "TAP version 13\n";
  let tests = 0;
  for await (const event of events) {
    if (event.type !== "test:pass" && event.type !== "test:fail") continue;
    const { nesting, name } = event.data;
    if (nesting > 0) continue;
    tests += 1;
    const end = isGivenUp(event) ? " (given up on)" : "";
    // What stands behind a # would be taken for an order to skip.
    const title = `${tests} - ${name.replaceAll("#", "")}${end}`;
    yield `${event.type === "test:pass" ? "ok" : "not ok"} ${title}\n`;
  }
  yield `1..${tests}\n`;
}

function isGivenUp(event: Extract<TestEvent, { type: "test:pass" | "test:fail" }>): boolean {
  if (event.type === "test:pass") return false;
  const { error } = event.data.details;
  return "failureType" in error && error.failureType === "testTimeoutFailure";
}
