import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { shellWord } from "../format.ts";

/** A command of ours in a text: in backquotes, or the whole of it. */
const COMMAND = /`(dockform [^`]+)`|^dockform .+$/gs;
const IN_BACKQUOTES = /`[^`]*`/g;
const FLAG = /(?<![\w-])-(?:-[a-z][a-z-]*|[a-z])(?![\w-])/g;

/** Which manifest and engine a command works with. */
interface PlaceOptions {
  readonly manifest?: string | undefined;
  readonly config?: string | undefined;
  readonly context?: string | undefined;
}

/** How this program was called: what advice may name, and what other commands need to work on the same. */
export class Call {
  /** As it was typed; empty where that does not matter. */
  readonly line: string;
  /** The store that was named on the command line, once that is known. */
  store: string | undefined;
  readonly #command: CommandUnknownOpts | undefined;
  readonly #options: PlaceOptions;

  constructor(argv: readonly string[], command?: CommandUnknownOpts, options: PlaceOptions = {}) {
    this.line = argv.length === 0 ? "" : ["dockform", ...argv].map(shellWord).join(" ");
    this.#command = command;
    this.#options = options;
  }

  /** Whether the command has every option that a text names, but for those in other commands. */
  hasOptionsOf(text: string): boolean {
    const own = text
      .replace(this.line, "")
      .replaceAll(IN_BACKQUOTES, "")
      .replace(/\bdockform .*$/s, "");
    return [...own.matchAll(FLAG)].every(([flag]) => this.#has(flag));
  }

  #has(flag: string): boolean {
    for (let at = this.#command; at !== undefined; at = at.parent ?? undefined) {
      if (takes(at, flag)) return true;
    }
    return false;
  }

  /** Adds to each other command in a text what it needs to find the same volumes and snapshots. */
  onTheSame(text: string): string {
    return text.replaceAll(COMMAND, (whole, quoted: string | undefined) => {
      const command = quoted ?? whole;
      if (this.line !== "" && command.startsWith(this.line)) return whole;
      return whole.replace(command, () => `${command}${this.#flagsFor(command)}`);
    });
  }

  #flagsFor(commandText: string): string {
    const command = this.#named(commandText);
    if (command === undefined || command.name() === "init") return "";
    const { manifest, config, context } = this.#options;
    const flags = {
      "--manifest": manifest ?? config,
      "--context": context,
      "--store": takes(command, "--store") ? this.store : undefined,
    };
    return Object.entries(flags)
      .map(([flag, value]) => (value === undefined ? "" : ` ${flag} ${shellWord(value)}`))
      .join("");
  }

  /** The command that a text calls; `undefined` for one that there is not. */
  #named(text: string): CommandUnknownOpts | undefined {
    let command = this.#command;
    while (command?.parent) command = command.parent;
    for (const word of text.split(" ").slice(1)) {
      const next = command?.commands.find((each) => each.name() === word);
      if (next === undefined) break;
      command = next;
    }
    return command?.parent ? command : undefined;
  }
}

function takes({ options }: CommandUnknownOpts, flag: string): boolean {
  return options.some(({ long, short }) => long === flag || short === flag);
}
