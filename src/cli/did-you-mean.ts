import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { nearest } from "../nearest.ts";

/** Commands that take something away for good: named only to who typed their very name. */
const DESTRUCTIVE: ReadonlySet<string> = new Set(["destroy", "remove", "prune"]);

/** What others call our commands, by the words as typed after `dockform`. */
const OTHER_NAMES: Readonly<Record<string, string>> = {
  backup: "volume snapshot",
  create: "volume snapshot",
  save: "volume snapshot",
  take: "volume snapshot",
};

/** A command by its words, as in `volume restore`. */
interface Named {
  readonly path: string;
  readonly group: string;
  readonly name: string;
  readonly names: readonly string[];
}

/** Says of a command that there is none of that name, and which may have been meant. */
export function refuseUnknownCommands(root: CommandUnknownOpts): void {
  for (const group of [root, ...root.commands]) {
    if (group.commands.length === 0) continue;
    group.on("command:*", ([typed]: readonly [string]) => {
      const meant = commandsMeant(root, group === root ? "" : group.name(), typed);
      const words = meant.map((path) => `\`dockform ${path}\``).join(" or ");
      const question = meant.length === 0 ? "" : `\nDid you mean ${words}?`;
      group.error(`error: unknown command '${typed}'${question}`, {
        code: "commander.unknownCommand",
      });
    });
  }
}

/**
 * The commands that a word, typed in a group (`""`: at the top), may have meant: one of that name in another group, or
 * of that meaning, or nearly of that name. Never one that destroys, unless its very name was typed at the top.
 */
function commandsMeant(root: CommandUnknownOpts, group: string, typed: string): readonly string[] {
  const all = below(root, "");
  const elsewhere = all.filter(
    ({ name, names }) => names.includes(typed) && (group === "" || !DESTRUCTIVE.has(name)),
  );
  if (elsewhere.length > 0) return elsewhere.map(({ path }) => path);
  const other = OTHER_NAMES[typed];
  return other === undefined ? nearlySo(all, group, typed) : [other];
}

/** Those of the same group come first. Where one that destroys is the nearest, the next one is no better guess. */
function nearlySo(all: readonly Named[], group: string, typed: string): readonly string[] {
  const here = all.filter((each) => each.group === group);
  const name = nearest(
    typed,
    [...here, ...all].flatMap(({ names }) => names),
  );
  if (name === undefined) return [];
  const isMeant = ({ names }: Named): boolean => names.includes(name);
  return (here.some(isMeant) ? here : all)
    .filter((each) => isMeant(each) && !DESTRUCTIVE.has(each.name))
    .map(({ path }) => path);
}

/** All commands that help shows, and their groups. */
function below(command: CommandUnknownOpts, group: string): readonly Named[] {
  return command
    .createHelp()
    .visibleCommands(command)
    .flatMap((each) => {
      const name = each.name();
      const path = group === "" ? name : `${group} ${name}`;
      return [{ path, group, name, names: [name, ...each.aliases()] }, ...below(each, path)];
    });
}
