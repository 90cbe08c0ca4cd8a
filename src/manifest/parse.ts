import { buildManifest, unmanagedSections } from "./build.ts";
import { check } from "./check.ts";
import { targetVolumes } from "./filesets.ts";
import { Interpolator, type Environment, type UnsetVariable } from "./interpolate.ts";
import type { Manifest, ManifestWarning } from "./manifest.ts";
import { manifestError, type Problem } from "./problem.ts";
import { manifestSchema } from "./schema.ts";
import { MANIFEST } from "./scope.ts";
import { SourceText, type Range } from "./source.ts";
import { parseYaml, tagMessage, type YamlFile } from "./syntax.ts";
import { TreeReader } from "./tree.ts";

/** How a manifest's text is to be read. */
export interface ParseOptions {
  /** The name of the file, as messages should say it. */
  readonly file: string;
  /** What `${NAME}` is replaced from. */
  readonly env: Environment;
}

/** A valid manifest and what else the person should know. */
export interface ParsedManifest {
  readonly manifest: Manifest;
  readonly warnings: readonly ManifestWarning[];
}

/**
 * Reads a manifest, in the form for one context or for several.
 *
 * Throws a DockformError of the kind "manifest" that says everything that is
 * wrong at once. Its `data.problems` holds, in the order of the file,
 * `{ line, column, message, text, suggestion? }`, where `text` is what is wrong
 * as written and `suggestion` the name that was probably meant.
 */
export function parseManifest(text: string, options: ParseOptions): ParsedManifest {
  const source = new SourceText(options.file, text.replace(/^\uFEFF/, ""));
  const yaml = parseYaml(source);
  const interpolator = new Interpolator(yaml.masked, options.env);
  const { problems, manifest } = readContent(source, yaml, interpolator);
  const unset = interpolator.unset();
  if (manifest === undefined) throw manifestError(source, problems, unsetHint(unset));
  return { manifest, warnings: unset.map((variable) => unsetWarning(source, variable)) };
}

interface Content {
  readonly problems: readonly Problem[];
  /** Undefined when there are problems. */
  readonly manifest?: Manifest;
}

function readContent(source: SourceText, yaml: YamlFile, interpolator: Interpolator): Content {
  const { document, problems: syntax } = yaml;
  if (document === undefined) return { problems: syntax.length > 0 ? syntax : [EMPTY] };
  const reader = new TreeReader(source, document, interpolator);
  const tree = reader.read(document.contents, MANIFEST);
  const { content, problems } = check(manifestSchema, tree);
  const filesets = targetVolumes(tree);
  const tags = unknownTags(source, yaml.unknownTags, reader.unmanaged);
  const found = [...reader.problems, ...tags, ...problems, ...filesets.problems];
  const all = [...syntax, ...found.filter((problem) => isBefore(source, problem, syntax))];
  if (content === undefined || all.length > 0) return { problems: all };
  const sections = unmanagedSections(tree);
  const manifest = buildManifest(source.file, content, filesets.targets, sections);
  return { problems: [], manifest };
}

const EMPTY: Problem = { range: { start: 0, end: 0 }, message: "the manifest is empty" };

/** After the first place that is not YAML, what the parser makes of a file means little. */
function isBefore(source: SourceText, problem: Problem, syntax: readonly Problem[]): boolean {
  const line = source.position(problem.range.start).line;
  return syntax.every(({ range }) => line < source.position(range.start).line);
}

/** Tags are for the tools that know them; in what is read here, an unknown one is a mistake. */
function unknownTags(
  source: SourceText,
  tags: readonly Range[],
  unmanaged: readonly Range[],
): readonly Problem[] {
  return tags
    .filter((tag) => !unmanaged.some(({ start, end }) => start <= tag.start && tag.end <= end))
    .map((range) => ({ range, message: tagMessage(source.firstLine(range)) }));
}

function unsetWarning(source: SourceText, { name, offset }: UnsetVariable): ManifestWarning {
  const message = `the variable ${name} is not set; it is replaced with an empty string`;
  return { message, ...source.position(offset) };
}

function unsetHint(unset: readonly UnsetVariable[]): string | undefined {
  if (unset.length === 0) return undefined;
  const names = unset.map(({ name }) => name).join(", ");
  return `Not set in the environment: ${names}.`;
}
