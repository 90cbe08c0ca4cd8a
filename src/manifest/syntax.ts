import {
  isScalar,
  parseAllDocuments,
  visit,
  type Document,
  type ErrorCode,
  type YAMLError,
} from "yaml";
import { mask, unmask } from "./interpolate.ts";
import { quoted, type Problem } from "./problem.ts";
import type { Range, SourceText } from "./source.ts";

/** A manifest's text as YAML nodes; offsets in them are offsets in the text. */
export interface YamlFile {
  /** The text that was parsed, with every `${NAME}` masked. */
  readonly masked: string;
  /** Undefined when there is nothing to read. */
  readonly document: Document | undefined;
  readonly problems: readonly Problem[];
  readonly unknownTags: readonly Range[];
}

/** Parses a manifest's text. What is not YAML comes back as problems; nothing is thrown. */
export function parseYaml(source: SourceText): YamlFile {
  const masked = mask(source.text);
  const documents = parseAllDocuments(masked, {
    schema: "core",
    resolveKnownTags: false,
    prettyErrors: false,
    // Duplicates are found after interpolation, and the parser's own check takes quadratic time.
    uniqueKeys: false,
  });
  const [document, second] = documents;
  const errors = "empty" in documents ? documents.errors : documents.flatMap((each) => each.errors);
  const tooDeep = errors.find(({ code }) => code === "RESOURCE_EXHAUSTION");
  if (tooDeep !== undefined) {
    // Whatever was parsed would exhaust the next recursion too.
    const problem = { range: rangeOf(tooDeep), message: "the file is nested too deeply" };
    return { masked, document: undefined, problems: [problem], unknownTags: [] };
  }
  const problems = withoutConsequences(errors).map((error) =>
    syntaxProblem(source, document, error),
  );
  const tags = document?.warnings.filter(({ code }) => code === "TAG_RESOLVE_FAILED") ?? [];
  return {
    masked,
    document: document === undefined || isEmpty(document) ? undefined : document,
    problems: [...firstOnEachLine(source, problems), ...severalDocuments(second)],
    unknownTags: tags.map(rangeOf),
  };
}

function rangeOf({ pos: [start, end] }: YAMLError): Range {
  return { start, end };
}

function isEmpty({ contents }: Document): boolean {
  return isScalar(contents) && contents.type === "PLAIN" && contents.source === "";
}

function severalDocuments(second: Document.Parsed | undefined): readonly Problem[] {
  if (second === undefined) return [];
  const [start] = second.range;
  const message = "a second document starts here; a manifest is a single document";
  return [{ range: { start, end: start + 3 }, message }];
}

/** Codes of errors that tend to follow from an earlier one. */
const STRUCTURAL: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "BAD_INDENT",
  "BLOCK_AS_IMPLICIT_KEY",
  "MISSING_CHAR",
  "MULTILINE_IMPLICIT_KEY",
  "UNEXPECTED_TOKEN",
]);

/** Leaves out what the parser trips over only because of the first error. */
function withoutConsequences(errors: readonly YAMLError[]): readonly YAMLError[] {
  const [first, ...rest] = errors.toSorted((a, b) => a.pos[0] - b.pos[0]);
  if (first === undefined) return [];
  return [
    first,
    ...rest.filter((error) => error.message === first.message || !STRUCTURAL.has(error.code)),
  ];
}

/** Further complaints about a line are mostly consequences of the first. */
function firstOnEachLine(source: SourceText, problems: readonly Problem[]): readonly Problem[] {
  const byLine = new Map<number, Problem>();
  for (const problem of problems.toSorted((a, b) => a.range.start - b.range.start)) {
    const { line } = source.position(problem.range.start);
    if (!byLine.has(line)) byLine.set(line, problem);
  }
  return [...byLine.values()];
}

function syntaxProblem(
  source: SourceText,
  document: Document | undefined,
  error: YAMLError,
): Problem {
  const range = withinText(source, error);
  const unclosed = /^Missing closing (["'])/.exec(error.message)?.[1];
  if (unclosed !== undefined) {
    const start = lastQuotedScalar(document, range.start) ?? range.start;
    return { range: { start, end: range.end }, message: `this text has no closing ${unclosed}` };
  }
  const wording = WORDINGS[error.code];
  const message = wording?.(source.firstLine(range)) ?? parserMessage(error.message);
  return { range, message };
}

/** Where the error is; one on white space is moved to the text after it, else to the last text. */
function withinText({ text }: SourceText, error: YAMLError): Range {
  const { start, end } = rangeOf(error);
  const skipped = /^[ \r\n](?:[ \r\n]|#.*)*/.exec(text.slice(start))?.[0].length ?? 0;
  const moved = Math.min(start + skipped, Math.max(0, text.trimEnd().length - 1));
  return moved === start ? { start, end } : { start: moved, end: moved + 1 };
}

function lastQuotedScalar(document: Document | undefined, before: number): number | undefined {
  let found: number | undefined;
  visit(document ?? null, {
    Scalar: (_, { type, range }) => {
      const isQuoted = type === "QUOTE_DOUBLE" || type === "QUOTE_SINGLE";
      if (isQuoted && range && range[0] <= before) [found] = range;
    },
  });
  return found;
}

/** What to say about a tag that the parser or this tool can make nothing of. */
export function tagMessage(tag: string): string {
  return `the tag ${quoted(tag)} has no meaning here`;
}

type Wording = (text: string) => string;

/** What to say about the offending text, where the parser's own words are of little help. */
const WORDINGS: Partial<Record<ErrorCode, Wording>> = {
  TAB_AS_INDENT: () => "a tab cannot indent; use spaces",
  BAD_SCALAR_START: (text) => `text cannot start with ${quoted(text)}; put it in quotes`,
  BLOCK_AS_IMPLICIT_KEY: () =>
    "a map cannot start here; indent it under its key, or put the text in quotes",
  MULTILINE_IMPLICIT_KEY: () => 'a ": " is missing after this key',
  TAG_RESOLVE_FAILED: tagMessage,
  UNEXPECTED_TOKEN: (text) => `unexpected ${quoted(text)}`,
};

function parserMessage(message: string): string {
  const bracket = /and end with a ([\]}])$/.exec(message)?.[1];
  if (bracket !== undefined) return `a closing ${bracket} is missing before this`;
  if (message.startsWith("Implicit map keys")) return 'a ": " is missing after this key';
  if (message.startsWith("All mapping items")) {
    return "this key is not indented like the other keys of its map";
  }
  return unmask(message.slice(0, 1).toLowerCase() + message.slice(1));
}
