import { ownText } from "../output/shown-text.ts";
import { SCRIPTS } from "../completion/scripts.ts";
import { shapeOf } from "../completion/shape.ts";
import { completeSpec, completionSpec } from "../spec/completion.ts";
import type { RootCommand } from "../spec/root.ts";
import type { Start } from "../session.ts";

/** `completion`, and what its scripts call. */
export function addCompletionCommands(root: RootCommand, start: Start): void {
  completionSpec(root).action((shell, _options, command) => {
    start(command).print(ownText(SCRIPTS[shell]));
  });
  completeSpec(root).action(async (line, _options, command) => {
    const { completeLine } = await import("../commands/complete.ts");
    await completeLine(start(command), shapeOf(root), line);
  });
}
