import { isAlias, isMap, isNode, isScalar, isSeq, visit } from "yaml";
import type { Alias, Document, Node, Pair, Scalar, YAMLMap, YAMLSeq } from "yaml";
import { unmask, type Interpolator } from "./interpolate.ts";
import { didYouMean, quoted, type Problem } from "./problem.ts";
import type { Scope } from "./scope.ts";
import type { Range, SourceText } from "./source.ts";
import { nearest } from "../nearest.ts";

/** A manifest's content after aliases, merge keys and interpolation, with places. */
export type Tree = ScalarTree | MapTree | ListTree | UnreadTree;

export interface ScalarTree {
  readonly kind: "scalar";
  readonly range: Range;
  /** `"unquoted"` is a number or a boolean. */
  readonly type: "text" | "unquoted" | "null";
  /** The scalar as written, without quotes. */
  readonly text: string;
}

export interface MapTree {
  readonly kind: "map";
  readonly range: Range;
  readonly entries: ReadonlyMap<string, Entry>;
}

export interface Entry {
  readonly key: Range;
  readonly value: Tree;
}

export interface ListTree {
  readonly kind: "list";
  readonly range: Range;
  /** Empty outside the scope. */
  readonly items: readonly Tree[];
}

/** What is outside the scope, or is already reported as a problem. */
export interface UnreadTree {
  readonly kind: "unread";
  readonly range: Range;
}

// Far more than a manifest needs, and little enough to read in no time.
const MOST_ALIASED_NODES = 100_000;

const NOWHERE: Range = { start: 0, end: 0 };

/** Reads YAML nodes into a tree and collects what is wrong with them. */
export class TreeReader {
  readonly problems: Problem[] = [];
  /** Where the sections of other tools are. */
  readonly unmanaged: Range[] = [];
  readonly #source: SourceText;
  readonly #document: Document;
  readonly #interpolator: Interpolator;
  readonly #anchors: ReadonlyMap<Alias, Node>;
  readonly #anchorNames: ReadonlySet<string>;
  readonly #open = new Set<Node>();
  #aliasDepth = 0;
  #aliasedNodes = 0;
  #gaveUp = false;

  constructor(source: SourceText, document: Document, interpolator: Interpolator) {
    this.#source = source;
    this.#document = document;
    this.#interpolator = interpolator;
    this.#anchors = resolveAliases(document);
    this.#anchorNames = new Set([...this.#anchors.values()].map(({ anchor }) => anchor ?? ""));
  }

  read(node: unknown, scope: Scope): Tree {
    if (this.#aliasDepth > 0) this.#aliasedNodes += 1;
    if (isAlias(node)) {
      const target = this.#follow(node, scope, (aliased) => this.read(aliased, scope));
      return target ?? { kind: "unread", range: rangeOf(node) };
    }
    if (isMap(node)) return this.#readMap(node, scope);
    if (isSeq(node)) return this.#readList(node, scope);
    if (isScalar(node)) return this.#readScalar(node, scope);
    return { kind: "scalar", range: NOWHERE, type: "null", text: "" };
  }

  #readList(node: YAMLSeq, scope: Scope): ListTree {
    this.#open.add(node);
    const items = scope.managed ? node.items.map((item) => this.read(item, scope)) : [];
    this.#open.delete(node);
    return { kind: "list", range: rangeOf(node), items };
  }

  #readScalar(node: Scalar, scope: Scope): ScalarTree {
    const range = rangeOf(node);
    const source = typeof node.value === "string" ? node.value : (node.source ?? "");
    const text = scope.managed ? this.#interpolator.replace(source, range) : unmask(source);
    const isPlain = node.type === "PLAIN" && node.tag === undefined;
    const type = text !== source && isPlain ? this.#resolvePlain(text) : typeOf(node.value);
    return { kind: "scalar", range, type, text };
  }

  #resolvePlain(text: string): ScalarTree["type"] {
    const tag = this.#document.schema.tags.find(
      (candidate) => candidate.default === true && candidate.test?.test(text) === true,
    );
    if (tag === undefined) return "text";
    return tag.tag === "tag:yaml.org,2002:null" ? "null" : "unquoted";
  }

  #readMap(node: YAMLMap, scope: Scope): MapTree {
    this.#open.add(node);
    const entries = new Map<string, Entry>();
    const merged: MapTree[] = [];
    for (const pair of node.items) {
      if (isMergeKey(pair)) merged.push(...this.#readMerged(pair.value, scope));
      else this.#readPair(pair, scope, entries);
    }
    for (const [key, entry] of merged.flatMap((map) => [...map.entries])) {
      if (!entries.has(key)) entries.set(key, entry);
    }
    this.#open.delete(node);
    return { kind: "map", range: rangeOf(node), entries };
  }

  /** The maps that a merge key brings in; what an earlier one holds counts. */
  #readMerged(node: unknown, scope: Scope): readonly MapTree[] {
    if (isAlias(node)) {
      return this.#follow(node, scope, (target) => this.#readMerged(target, scope)) ?? [];
    }
    if (isMap(node)) return [this.#readMap(node, scope)];
    if (isSeq(node)) return node.items.flatMap((item) => this.#readMerged(item, scope));
    this.#report(scope, rangeOf(node), `"<<" takes a map or a list of maps`);
    return [];
  }

  #readPair(pair: Pair, scope: Scope, entries: Map<string, Entry>): void {
    const key = this.read(pair.key, scope);
    if (key.kind === "unread") return;
    if (key.kind !== "scalar") return this.#report(scope, key.range, "a key must be text");
    const earlier = entries.get(key.text);
    if (earlier !== undefined) return this.#reportDuplicate(key, earlier);
    const child = scope.child(key.text);
    const range = rangeOf(pair.value);
    if (scope.managed && child?.managed !== true) {
      this.unmanaged.push({ start: key.range.end, end: range.end });
    }
    const value: Tree = child ? this.read(pair.value, child) : { kind: "unread", range };
    entries.set(key.text, { key: key.range, value });
  }

  #reportDuplicate({ range, text }: ScalarTree, earlier: Entry): undefined {
    const { line } = this.#source.position(earlier.key.start);
    this.problems.push({ range, message: `duplicate key ${quoted(text)}; it is on line ${line}` });
  }

  /** Reads what an alias stands for; undefined when it cannot be, which is then reported. */
  #follow<Result>(alias: Alias, scope: Scope, read: (target: Node) => Result): Result | undefined {
    const target = this.#anchors.get(alias);
    if (target === undefined) return this.#reportUnknownAnchor(scope, alias);
    if (this.#open.has(target)) {
      const message = `alias ${quoted(`*${alias.source}`)} stands for a value that contains it`;
      return this.#report(scope, rangeOf(alias), message);
    }
    if (this.#aliasedNodes > MOST_ALIASED_NODES) return this.#giveUp(alias);
    this.#open.add(target);
    this.#aliasDepth += 1;
    this.#aliasedNodes += 1;
    const result = read(target);
    this.#aliasDepth -= 1;
    this.#open.delete(target);
    return result;
  }

  #giveUp(alias: Alias): undefined {
    if (this.#gaveUp) return;
    this.#gaveUp = true;
    const message = `the aliases stand for more than ${MOST_ALIASED_NODES} values`;
    this.problems.push({ range: rangeOf(alias), message });
  }

  #reportUnknownAnchor(scope: Scope, alias: Alias): undefined {
    const name = nearest(alias.source, this.#anchorNames);
    const suggestion = name === undefined ? undefined : `*${name}`;
    const message = `alias ${quoted(`*${alias.source}`)} has no anchor before it`;
    this.#report(scope, rangeOf(alias), message, suggestion);
  }

  #report(scope: Scope, range: Range, message: string, suggestion?: string): undefined {
    if (!scope.managed) return;
    const meant = suggestion === undefined ? {} : { suggestion };
    this.problems.push({ range, message: message + didYouMean(suggestion), ...meant });
  }
}

/** Whether a key is YAML's merge key, as opposed to text that looks like it. */
function isMergeKey({ key }: Pair): boolean {
  return isScalar(key) && key.type === "PLAIN" && key.value === "<<";
}

/** What each alias stands for: the last node before it with the anchor of its name. */
function resolveAliases(document: Document): ReadonlyMap<Alias, Node> {
  const anchors = new Map<string, Node>();
  const targets = new Map<Alias, Node>();
  visit(document, {
    Node: (_, node) => {
      if (!isAlias(node)) {
        if (node.anchor !== undefined) anchors.set(node.anchor, node);
        return;
      }
      const target = anchors.get(node.source);
      if (target !== undefined) targets.set(node, target);
    },
  });
  return targets;
}

function typeOf(value: unknown): ScalarTree["type"] {
  if (typeof value === "string") return "text";
  return value === null ? "null" : "unquoted";
}

function rangeOf(node: unknown): Range {
  if (!isNode(node) || !node.range) return NOWHERE;
  const [start, end] = node.range;
  return { start, end };
}
