import { Argument } from "@commander-js/extra-typings";
import { LOADING, SHELLS } from "../completion/scripts.ts";
import type { RootCommand } from "./root.ts";

export function completionSpec(root: RootCommand) {
  return root
    .command("completion")
    .description("Print a script that lets a shell complete commands, volumes and snapshots.")
    .addArgument(new Argument("<shell>", "the shell").choices(SHELLS))
    .addHelpText("after", `\nTo load it:\n${LOADING.map((line) => `  ${line}`).join("\n")}`);
}

/** What the scripts of shells call. */
export function completeSpec(root: RootCommand) {
  return root.command("__complete", { hidden: true }).argument("<line>");
}
