import { examples, type OptionsOf } from "./options.ts";
import type { Group } from "./root.ts";
import { healthTimeout, withoutOption } from "./volume.ts";

export function volumeCopySpec(volume: Group) {
  return replacing(volume.command("copy"))
    .description("Copy what a volume holds into another one, of any engine; it is created.")
    .argument("<[context/]source>", "the volume that is read")
    .argument("<[context/]target>", "the volume that is written")
    .option("--verify", "compare the copy with the source, entry by entry", false)
    .addHelpText(
      "after",
      examples(
        "volume copy myapp_data myapp_copy",
        "volume copy old/myapp_data new/myapp_data",
        "volume copy shop_db trial_db --project trial",
      ),
    );
}

export type VolumeCopyOptions = OptionsOf<typeof volumeCopySpec>;

export function volumeMoveSpec(volume: Group) {
  return replacing(volume.command("move"))
    .description("Copy a volume, compare the copy with it, then remove it.")
    .argument("<[context/]source>", "the volume that is removed in the end")
    .argument("<[context/]target>", "the volume that is written")
    .option("--skip-confirmation", "do not ask before that", false)
    .addHelpText("after", examples("volume move old/myapp_data new/myapp_data"));
}

export type VolumeMoveOptions = OptionsOf<typeof volumeMoveSpec>;

/** How what the target holds is replaced, as `volume restore` does. */
function replacing(command: ReturnType<Group["command"]>) {
  return command
    .option("--project <name>", "the Compose project that a copy which is created belongs to")
    .option("--force", "replace what a target that is not empty holds", false)
    .option(
      "--stop-containers",
      "stop the containers that use the target for the swap, then start them again",
      false,
    )
    .option("--undeclared", "write to a volume that the manifest does not declare", false)
    .option("--dry-run", "make every check and change nothing", false)
    .option("--keep-previous", "keep what the target held, for volume undo", false)
    .option("--discard-kept", "remove what is kept already, where other contents are kept", false)
    .addOption(withoutOption())
    .option("--strict-attributes", "refuse where an attribute cannot be put back", false)
    .option("--keep-failed", "keep the new contents when containers are not healthy on them", false)
    .addOption(healthTimeout());
}
