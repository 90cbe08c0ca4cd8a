import type { Command } from "commander";
import type { Start } from "./options.ts";

/** `doctor` and `version`. */
export function addDiagnosticCommands(root: Command, start: Start): void {
  root
    .command("doctor")
    .description("Check engine, helper image, free space and manifest, with what to do.")
    .action(async (_options, command: Command) => {
      const { doctor } = await import("../commands/doctor.ts");
      await doctor(start(command));
    });
  root
    .command("version")
    .description("Print the version.")
    .action(async (_options, command: Command) => {
      const { version } = await import("../commands/version.ts");
      await version(start(command));
    });
}
