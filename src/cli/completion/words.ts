/** The words of a command line up to the cursor; the last one is the one being typed, and may be empty. */
export function splitLine(line: string): readonly string[] {
  const words: string[] = [""];
  let quote = "";
  let escaped = false;
  const append = (character: string): void => {
    words[words.length - 1] += character;
  };
  for (const character of line) {
    if (escaped) {
      append(character);
      escaped = false;
    } else if (character === "\\" && quote !== "'") {
      escaped = true;
    } else if (quote !== "") {
      if (character === quote) quote = "";
      else append(character);
    } else if (character === '"' || character === "'") {
      quote = character;
    } else if (/\s/.test(character)) {
      if (words.at(-1) !== "") words.push("");
    } else {
      append(character);
    }
  }
  return words;
}

/** What a command takes, as far as completion has to know. */
export interface CommandShape {
  readonly name: string;
  readonly description: string;
  readonly options: readonly OptionShape[];
  /** Names of positional arguments; the last one stands for all that follow when `variadic`. */
  readonly arguments: readonly string[];
  readonly variadic: boolean;
  readonly commands: readonly CommandShape[];
}

export interface OptionShape {
  /** `--force`, `-v`. */
  readonly flags: readonly string[];
  readonly description: string;
  readonly takesValue: boolean;
  readonly choices: readonly string[];
}

/** Something that may stand at the cursor. */
export interface Candidate {
  readonly value: string;
  readonly description: string;
}

/** What is asked of the machine, where the command line alone does not say what may follow. */
export interface Question {
  /** The argument's name, as the command declares it: `[context/]volume...`. */
  readonly argument: string;
  /** The positional words before it. */
  readonly before: readonly string[];
}

export interface Completion {
  readonly candidates: readonly Candidate[];
  readonly question: Question | undefined;
}

/** What may stand at the end of some words; the first one is the program's name. */
export function complete(root: CommandShape, words: readonly string[]): Completion {
  const typed = words.at(-1) ?? "";
  let command = root;
  const options = [...root.options];
  const positional: string[] = [];
  let expecting: OptionShape | undefined;
  for (const word of words.slice(1, -1)) {
    if (expecting !== undefined) {
      expecting = undefined;
    } else if (word.startsWith("-")) {
      const option = options.find(({ flags }) => flags.includes(word));
      if (option?.takesValue === true) expecting = option;
    } else {
      const next = command.commands.find(({ name }) => name === word);
      if (next === undefined) {
        positional.push(word);
      } else {
        command = next;
        options.unshift(...next.options);
      }
    }
  }
  if (expecting !== undefined) return ofOption(expecting);
  if (typed.startsWith("-")) return { candidates: options.flatMap(flagsOf), question: undefined };
  if (command.commands.length > 0) {
    const candidates = command.commands.map(({ name, description }) => ({
      value: name,
      description,
    }));
    return { candidates, question: undefined };
  }
  const argument =
    command.arguments[positional.length] ??
    (command.variadic ? command.arguments.at(-1) : undefined);
  const question = argument === undefined ? undefined : { argument, before: positional };
  return { candidates: [], question };
}

function ofOption({ choices, flags }: OptionShape): Completion {
  if (flags.includes("--context")) {
    return { candidates: [], question: { argument: "context", before: [] } };
  }
  return { candidates: choices.map((value) => ({ value, description: "" })), question: undefined };
}

function flagsOf({ flags, description }: OptionShape): readonly Candidate[] {
  return flags.filter((flag) => flag.startsWith("--")).map((value) => ({ value, description }));
}
