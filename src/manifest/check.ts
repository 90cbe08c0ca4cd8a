import * as v from "valibot";
import { Unquoted } from "./blocks.ts";
import { quoted, type Problem } from "./problem.ts";
import type { Range } from "./source.ts";
import type { Tree } from "./tree.ts";

/** A tree's content, or what a schema finds wrong with it. */
export type Checked<Content> =
  | { readonly content: Content; readonly problems: readonly [] }
  | { readonly content?: undefined; readonly problems: readonly Problem[] };

/** Checks a tree against a schema. */
export function check<Schema extends v.GenericSchema>(
  schema: Schema,
  tree: Tree,
): Checked<v.InferOutput<Schema>> {
  const result = v.safeParse(schema, plain(tree));
  if (result.success) return { content: result.output, problems: [] };
  return { problems: result.issues.flatMap((issue) => problemOf(tree, issue)) };
}

/** The value the schema sees; what is unread is undefined in it. */
function plain(tree: Tree): unknown {
  switch (tree.kind) {
    case "map": {
      const mapping: Record<string, unknown> = Object.create(null);
      for (const [key, { value }] of tree.entries) mapping[key] = plain(value);
      return mapping;
    }
    case "scalar":
      if (tree.type === "unquoted") return new Unquoted(tree.text);
      return tree.type === "null" ? null : tree.text;
    case "list":
      return tree.items.map(plain);
    case "unread":
  }
  return undefined;
}

function problemOf(tree: Tree, issue: v.BaseIssue<unknown>): readonly Problem[] {
  const range = locate(tree, issue.path ?? []);
  if (range === undefined) return [];
  if (issue.type !== "raw_check") {
    return [{ range, message: `${subjectOf(issue)} ${issue.message}` }];
  }
  const suggestion = issue.expected;
  return [{ range, message: issue.message, ...(suggestion === null ? {} : { suggestion }) }];
}

/** What the problem is with: a text that breaks a rule, else the key that holds the value. */
function subjectOf({ type, input, path }: v.BaseIssue<unknown>): string {
  if (type === "regex" && typeof input === "string") return quoted(input);
  const key = path?.at(-1)?.key;
  return typeof key === "string" ? quoted(key) : "the manifest";
}

/** Where an issue's path leads; undefined for what is unread, as that is reported already. */
function locate(tree: Tree, path: readonly v.IssuePathItem[]): Range | undefined {
  let current = tree;
  let key: Range | undefined;
  for (const item of path) {
    const listed = current.kind === "list" ? current.items[Number(item.key)] : undefined;
    if (listed !== undefined) {
      current = listed;
      continue;
    }
    const entry = current.kind === "map" ? current.entries.get(String(item.key)) : undefined;
    if (entry === undefined) break;
    if (item.origin === "key") return entry.key;
    key = entry.key;
    current = entry.value;
  }
  if (current.kind === "unread") return undefined;
  const isEmpty = current.range.start >= current.range.end;
  return isEmpty && key !== undefined ? key : current.range;
}
