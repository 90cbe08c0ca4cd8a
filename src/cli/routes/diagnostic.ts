import type { RootCommand } from "../spec/root.ts";
import { doctorSpec, versionSpec } from "../spec/diagnostic.ts";
import type { Start } from "../session.ts";

/** `doctor` and `version`. */
export function addDiagnosticCommands(root: RootCommand, start: Start): void {
  doctorSpec(root).action(async (options, command) => {
    const { doctor } = await import("../commands/doctor.ts");
    await doctor(start(command), options);
  });
  versionSpec(root).action(async (_options, command) => {
    const { version } = await import("../commands/version.ts");
    await version(start(command));
  });
}
