import { checkOption, examples, storeOption, type OptionsOf } from "./options.ts";
import type { RootCommand } from "./root.ts";

export function doctorSpec(root: RootCommand) {
  return root
    .command("doctor")
    .description("Check engine, helper image, free space and manifest, with what to do.")
    .addOption(storeOption())
    .addOption(checkOption())
    .addHelpText("after", examples("doctor", "doctor --check --json"));
}

export type DoctorOptions = OptionsOf<typeof doctorSpec>;

export function versionSpec(root: RootCommand) {
  return root
    .command("version")
    .description("Print the version.")
    .addHelpText("after", examples("version", "version --json"));
}
