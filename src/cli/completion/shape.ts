import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import type { CommandShape } from "./words.ts";

/** The commands there are, as completion needs them. */
export function shapeOf(command: CommandUnknownOpts): CommandShape {
  const help = command.createHelp();
  const last = command.registeredArguments.at(-1);
  return {
    name: command.name(),
    description: command.description(),
    options: help.visibleOptions(command).map((option) => ({
      flags: [option.short, option.long].filter((flag) => flag !== undefined),
      description: option.description,
      takesValue: option.required || option.optional,
      choices: option.argChoices ?? [],
    })),
    arguments: command.registeredArguments.map((argument) => argument.name()),
    variadic: last?.variadic === true,
    commands: help.visibleCommands(command).map(shapeOf),
  };
}
