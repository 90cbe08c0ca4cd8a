import type { RootCommand } from "../spec/root.ts";
import { nightlySpec } from "../spec/nightly.ts";
import type { Start } from "../session.ts";

/** `nightly`. */
export function addNightlyCommand(root: RootCommand, start: Start): void {
  nightlySpec(root).action(async (options, command) => {
    const { nightly } = await import("../commands/nightly.ts");
    await nightly(start(command), options);
  });
}
