import { checkOption, examples, storeOption, type OptionsOf } from "./options.ts";
import type { RootCommand } from "./root.ts";

export function initSpec(root: RootCommand) {
  return root
    .command("init")
    .description("Write a starter manifest into this folder. Never overwrites one.")
    .addHelpText("after", examples("init"));
}

export function validateSpec(root: RootCommand) {
  return root
    .command("validate")
    .description("Check the manifest.")
    .addHelpText(
      "after",
      examples("validate", "validate --manifest servers/home/dockform.yml --json"),
    );
}

export function planSpec(root: RootCommand) {
  return root
    .command("plan")
    .description("Show what apply would do, and which volumes lack a fresh snapshot.")
    .addOption(storeOption())
    .addOption(checkOption())
    .addHelpText("after", examples("plan", "plan --check"));
}

export type PlanOptions = OptionsOf<typeof planSpec>;

export function applySpec(root: RootCommand) {
  return root
    .command("apply")
    .description("Create the volumes that are declared and missing.")
    .addOption(storeOption())
    .option("--skip-confirmation", "do not ask", false)
    .option("--prune", "snapshot, then remove, labelled volumes that are no longer declared", false)
    .addHelpText("after", examples("apply", "apply --prune --skip-confirmation"));
}

export type ApplyOptions = OptionsOf<typeof applySpec>;

export function destroySpec(root: RootCommand) {
  return root
    .command("destroy")
    .description("Snapshot, then remove, all volumes with the manifest's label.")
    .addOption(storeOption())
    .option("--skip-confirmation", "do not ask", false)
    .option("--no-snapshot", "remove without a snapshot: their contents are lost for good")
    .addHelpText("after", examples("destroy", "destroy --skip-confirmation"));
}

export type DestroyOptions = OptionsOf<typeof destroySpec>;
