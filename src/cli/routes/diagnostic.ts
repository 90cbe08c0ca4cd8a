import type { Command } from "commander";
import { checkOption, examples, type CheckOption, type Start } from "./options.ts";

/** `doctor` and `version`. */
export function addDiagnosticCommands(root: Command, start: Start): void {
  root
    .command("doctor")
    .description("Check engine, helper image, free space and manifest, with what to do.")
    .addOption(checkOption())
    .addHelpText("after", examples("doctor", "doctor --check --json"))
    .action(async (options: CheckOption, command: Command) => {
      const { doctor } = await import("../commands/doctor.ts");
      await doctor(start(command), options);
    });
  root
    .command("version")
    .description("Print the version.")
    .addHelpText("after", examples("version", "version --json"))
    .action(async (_options, command: Command) => {
      const { version } = await import("../commands/version.ts");
      await version(start(command));
    });
}
