/** What a terminal shows in the end, by the controls that this program and readline write. */
export function linesShown(written: string): readonly string[] {
  const lines = [""];
  let row = 0;
  let column = 0;
  for (const [piece, count = "1", control] of written.matchAll(PIECE)) {
    const line = lines[row] ?? "";
    if (control === "A") row = Math.max(0, row - Number(count));
    else if (control === "G") column = Number(count) - 1;
    else if (control === "K") lines[row] = "";
    else if (control === "J") lines.splice(row, Infinity, line.slice(0, column));
    else if (control !== undefined) continue;
    else if (piece === "\r") column = 0;
    else if (piece === "\n") {
      row += 1;
      // The terminal's driver goes to the line's begin, too.
      column = 0;
      lines[row] ??= "";
    } else {
      lines[row] = line.slice(0, column).padEnd(column) + piece + line.slice(column + piece.length);
      column += piece.length;
    }
  }
  return lines;
}

// oxlint-disable-next-line no-control-regex -- what controls begin with
const PIECE = /\u001b\[(\d*)([A-Za-z])|\r|\n|[^\u001b\r\n]+/g;
