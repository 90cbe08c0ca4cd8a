import type { Command } from "commander";
import type { ApplyOptions } from "../commands/apply.ts";
import type { DestroyOptions } from "../commands/destroy.ts";
import { checkOption, examples, type CheckOption, type Start } from "./options.ts";

/** `init`, `validate`, `plan`, `apply` and `destroy`. */
export function addManifestCommands(root: Command, start: Start): void {
  root
    .command("init")
    .description("Write a starter manifest into this folder. Never overwrites one.")
    .addHelpText("after", examples("init"))
    .action(async (_options, command: Command) => {
      const { init } = await import("../commands/init.ts");
      await init(start(command));
    });
  root
    .command("validate")
    .description("Check the manifest.")
    .addHelpText(
      "after",
      examples("validate", "validate --manifest servers/home/dockform.yml --json"),
    )
    .action(async (_options, command: Command) => {
      const { validate } = await import("../commands/validate.ts");
      await validate(start(command));
    });
  root
    .command("plan")
    .description("Show what apply would do, and which volumes lack a fresh snapshot.")
    .addOption(checkOption())
    .addHelpText("after", examples("plan", "plan --check"))
    .action(async (options: CheckOption, command: Command) => {
      const { plan } = await import("../commands/plan.ts");
      await plan(start(command), options);
    });
  root
    .command("apply")
    .description("Create the volumes that are declared and missing.")
    .option("--skip-confirmation", "do not ask", false)
    .option("--prune", "snapshot, then remove, labelled volumes that are no longer declared", false)
    .addHelpText("after", examples("apply", "apply --prune --skip-confirmation"))
    .action(async (options: ApplyOptions, command: Command) => {
      const { apply } = await import("../commands/apply.ts");
      await apply(start(command), options);
    });
  root
    .command("destroy")
    .description("Snapshot, then remove, all volumes with the manifest's label.")
    .option("--skip-confirmation", "do not ask", false)
    .option("--no-snapshot", "remove without a snapshot: what they hold is gone for good")
    .addHelpText("after", examples("destroy", "destroy --skip-confirmation"))
    .action(async (options: DestroyOptions, command: Command) => {
      const { destroy } = await import("../commands/destroy.ts");
      await destroy(start(command), options);
    });
}
