import { Argument, type Command } from "commander";
import { LOADING, SCRIPTS, SHELLS, type Shell } from "../completion/scripts.ts";
import { shapeOf } from "../completion/shape.ts";
import type { Start } from "./options.ts";

/** `completion`, and what its scripts call. */
export function addCompletionCommands(root: Command, start: Start): void {
  root
    .command("completion")
    .description("Print the script that makes a shell complete commands, volumes and snapshots.")
    .addArgument(new Argument("<shell>", "the shell").choices(SHELLS))
    .addHelpText("after", `\nTo load it:\n${LOADING.map((line) => `  ${line}`).join("\n")}`)
    .action((shell: Shell, _options, command: Command) => {
      start(command).io.stdout.write(SCRIPTS[shell]);
    });
  root
    .command("__complete", { hidden: true })
    .argument("<line>")
    .action(async (line: string, _options, command: Command) => {
      const { completeLine } = await import("../commands/complete.ts");
      await completeLine(start(command), shapeOf(root), line);
    });
}
