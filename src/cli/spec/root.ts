import { Command, Option } from "@commander-js/extra-typings";
import { VERSION } from "../../version.ts";
import { LOG_FORMATS, LOG_LEVELS } from "../output/logger.ts";
import { choice, parsePlace, type OptionsOf } from "./options.ts";

/** `dockform`, with the flags that every command takes. */
export function rootSpec() {
  return new Command("dockform")
    .description("Declares, snapshots and restores Docker volumes.")
    .version(VERSION, "-V, --version", "print the version")
    .option("-m, --manifest <path>", "manifest file, or folder with one", parsePlace)
    .addOption(
      new Option("-c, --config <path>", "the same as --manifest")
        .conflicts("manifest")
        .argParser(parsePlace),
    )
    .option("--context <name>", "docker context to work on", parsePlace)
    .option("--insecure", "allow tcp:// engines without encryption or proof of who they are")
    .option("--utc", "show times in UTC (as they are in --json, and outside a terminal)")
    .option("--json", "print the result as one JSON document")
    .option("--no-color", "no colours (NO_COLOR does the same)")
    .addOption(choice("--log-level <level>", "lowest level of log lines", LOG_LEVELS, "info"))
    .addOption(choice("--log-format <format>", "format of log lines", LOG_FORMATS, "auto"))
    .option("--log-file <path>", "also write log lines to this file, as JSON", parsePlace)
    .option("-v, --verbose", "the same as --log-level debug")
    .addOption(
      new Option("-q, --quiet", "print only results, warnings and errors").conflicts("verbose"),
    );
}

export type RootCommand = ReturnType<typeof rootSpec>;
export type GlobalOptions = OptionsOf<typeof rootSpec>;

export function volumeGroup(root: RootCommand) {
  return root.command("volume").description("List, snapshot and restore volumes.");
}

export function snapshotGroup(root: RootCommand) {
  return root.command("snapshot").description("List, look into and look after snapshots.");
}

/** A command whose commands do something. */
export type Group = ReturnType<typeof volumeGroup>;
