import { examples, storeOption, type OptionsOf } from "./options.ts";
import type { RootCommand } from "./root.ts";

export function nightlySpec(root: RootCommand) {
  return root
    .command("nightly")
    .description(
      "Take the snapshots that are due, remove what the manifest's rules do not keep, and check all volumes.",
    )
    .option("--dry-run", "say what would be done, and change nothing", false)
    .addOption(storeOption())
    .addHelpText("after", examples("nightly", "nightly --dry-run", "nightly --json"));
}

export type NightlyOptions = OptionsOf<typeof nightlySpec>;
