/** A stretch of the manifest's text, as offsets. */
export interface Range {
  readonly start: number;
  readonly end: number;
}

/** Where an offset is; both numbers count from 1, columns in UTF-16 code units as editors do. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A manifest's text with the name it was read under. */
export class SourceText {
  readonly file: string;
  readonly text: string;
  readonly #lineStarts: readonly number[];

  constructor(file: string, text: string) {
    this.file = file;
    this.text = text;
    const starts = [0];
    for (let at = text.indexOf("\n"); at !== -1; at = text.indexOf("\n", at + 1)) {
      starts.push(at + 1);
    }
    this.#lineStarts = starts;
  }

  position(offset: number): Position {
    let low = 0;
    let high = this.#lineStarts.length - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((this.#lineStarts[middle] ?? 0) <= offset) low = middle;
      else high = middle - 1;
    }
    return { line: low + 1, column: offset - (this.#lineStarts[low] ?? 0) + 1 };
  }

  /** The text of a line without its line break. */
  line(number: number): string {
    const start = this.#lineStarts[number - 1] ?? this.text.length;
    const next = this.#lineStarts[number];
    const end = next === undefined ? this.text.length : next - 1;
    return this.text.slice(start, end).replace(/\r$/, "");
  }

  /** The part of a range that lies on its first line. */
  firstLine(range: Range): string {
    const text = this.text.slice(range.start, range.end);
    return text.split(/\r?\n/, 1)[0] ?? "";
  }
}
