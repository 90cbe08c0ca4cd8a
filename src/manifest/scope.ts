import { unmanagedSections } from "./schema.ts";

/** How a part of the document is read. */
export interface Scope {
  /** Whether it is interpolated and checked; otherwise what has another shape is passed over. */
  readonly managed: boolean;
  /** How the value of a key is read; undefined when it is not read at all. */
  child(key: string): Scope | undefined;
}

const MANAGED: Scope = { managed: true, child: () => MANAGED };

const FILESET: Scope = {
  managed: false,
  child: (key) => (key === "target_volume" ? MANAGED : undefined),
};

const FILESETS: Scope = { managed: false, child: () => FILESET };

const STACK: Scope = {
  managed: false,
  child: (key) => (key === "filesets" ? FILESETS : undefined),
};

const STACKS: Scope = { managed: false, child: () => STACK };

const CONTEXT: Scope = {
  managed: true,
  child: (key) => (isUnmanagedSection(key) ? unmanaged(key) : MANAGED),
};

const CONTEXTS: Scope = { managed: true, child: () => CONTEXT };

/** How a whole manifest is read. */
export const MANIFEST: Scope = {
  managed: true,
  child: (key) => (key === "contexts" ? CONTEXTS : CONTEXT.child(key)),
};

/** Whether a key, at the top level or inside a context, is a section of another tool. */
export function isUnmanagedSection(key: string): boolean {
  return Object.hasOwn(unmanagedSections, key);
}

function unmanaged(section: string): Scope | undefined {
  if (section === "filesets") return FILESETS;
  return section === "stacks" ? STACKS : undefined;
}
