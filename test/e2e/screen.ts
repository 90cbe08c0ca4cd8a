/** What a person sees of a program's output on a terminal. */

export interface Screen {
  /** The lines in the end, without colours. */
  readonly lines: readonly string[];
  /** Each line as it ever was, those that were drawn over included. */
  readonly seen: readonly string[];
}

// oxlint-disable-next-line no-control-regex -- what moves a cursor
const PART = /\u001b\[(?<count>\d*)[\d;]*(?<code>[A-Za-z])|(?<end>[\r\n])|(?<text>[^\u001b\r\n]+)/g;

/** Draws an output as a terminal does, but on lines that have no end. */
export function screenOf(output: string): Screen {
  const lines = [""];
  const seen: string[] = [];
  let row = 0;
  let column = 0;
  for (const { groups = {} } of output.matchAll(PART)) {
    const { count = "", code, end, text } = groups;
    const line = lines[row] ?? "";
    if (text !== undefined) {
      const before = line.slice(0, column).padEnd(column);
      column += text.length;
      lines[row] = before + text + line.slice(column);
      seen.push(lines[row] ?? "");
    } else if (end === "\n") {
      row += 1;
      lines[row] ??= "";
    } else if (end === "\r") {
      column = 0;
    } else if (code === "A") {
      row = Math.max(0, row - Math.max(1, Number(count)));
    } else if (code === "G") {
      column = Math.max(0, Number(count) - 1);
    } else if (code === "K") {
      lines[row] = count === "2" ? "" : line.slice(0, column);
    } else if (code === "J") {
      lines.splice(row, Infinity, line.slice(0, column));
    }
  }
  return { lines, seen };
}

/**
 * Commands that have lines of their own, with what a shell needs to take several lines as one: to be pasted as they are.
 */
export function commandsOn({ lines }: Screen): readonly string[] {
  const commands: string[] = [];
  let isOpen = false;
  for (const line of lines) {
    if (isOpen) commands.push(`${commands.pop() ?? ""}\n${line}`);
    else if (/^\s*dockform /.test(line)) commands.push(line);
    else continue;
    isOpen = line.endsWith("\\");
  }
  return commands;
}

/** Commands in the sentences of a message. */
export function quotedCommandsOn({ lines }: Screen): readonly string[] {
  return [...lines.join("\n").matchAll(/`(dockform [^`]*)`/g)].map(([, command = ""]) => command);
}
