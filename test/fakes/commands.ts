import assert from "node:assert/strict";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { addCommands } from "../../src/cli/routes/all.ts";
import { rootSpec } from "../../src/cli/spec/root.ts";

/** A command that does something. */
export interface LeafCommand {
  /** That call it: `volume list`. */
  readonly words: string;
  readonly command: CommandUnknownOpts;
}

/** Every command there is, hidden ones too; none of them can be run. */
export function allCommands(): readonly LeafCommand[] {
  const root = rootSpec();
  addCommands(root, () => assert.fail("no command is run"));
  return below(root, []);
}

function below(command: CommandUnknownOpts, above: readonly string[]): readonly LeafCommand[] {
  return command.commands.flatMap((each) => {
    const words = [...above, each.name()];
    return each.commands.length === 0
      ? [{ words: words.join(" "), command: each }]
      : below(each, words);
  });
}

/** `--json`, `-v`: those of a command, and those of all. */
export function optionsOf(command: CommandUnknownOpts | null): ReadonlySet<string> {
  if (command === null) return new Set();
  const own = command.options.flatMap(({ long, short }) => [long ?? "", short ?? ""]);
  return new Set([...own, ...optionsOf(command.parent)]);
}
