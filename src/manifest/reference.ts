import * as v from "valibot";
import { DockformError } from "../errors.ts";
import type { Manifest, ManifestContext } from "./manifest.ts";
import { didYouMean, quoted } from "./problem.ts";
import { contextName, volumeName } from "./schema.ts";
import { nearest } from "../nearest.ts";

/** A volume as named on the command line. */
export interface VolumeReference {
  readonly context: string | undefined;
  readonly volume: string;
}

const FORM = 'Write it as "volume" or "context/volume".';

/**
 * Reads `volume` or `context/volume`. Throws a DockformError of the kind
 * "usage" when it is neither, or when a name breaks the rule for such names.
 */
export function parseVolumeReference(text: string): VolumeReference {
  const parts = text.split("/");
  const volume = parts.at(-1) ?? "";
  const context = parts.length === 1 ? undefined : parts.slice(0, -1).join("/");
  if (context !== undefined) requireName(contextName, context, text);
  requireName(volumeName, volume, text);
  return { context, volume };
}

function requireName(schema: v.GenericSchema, name: string, reference: string): void {
  const result = v.safeParse(schema, name);
  if (result.success) return;
  const [{ message }] = result.issues;
  const where = name === reference ? "" : ` in ${quoted(reference)}`;
  throw new DockformError("reference.invalid", `${quoted(name)}${where} ${message}`, {
    hint: FORM,
  });
}

/**
 * The context of a manifest with a name. A manifest that leaves its context to
 * the environment takes any name. Throws a DockformError of the kind "usage"
 * when there is no such context.
 */
export function findContext(manifest: Manifest, name: string): ManifestContext {
  for (const context of manifest.contexts) {
    if (context.name === undefined) return { ...context, name };
    if (context.name === name) return context;
  }
  const names = manifest.contexts.flatMap((context) => context.name ?? []);
  const meant = didYouMean(nearest(name, names));
  throw new DockformError(
    "manifest.unknown-context",
    `no context ${quoted(name)} in ${manifest.file}${meant}`,
    {
      hint: `It declares ${names.join(", ")}.`,
    },
  );
}

/**
 * The context a volume reference means: the one it names, or `chosen`, the one
 * chosen apart from it; else the only one that declares the volume; else the
 * only one there is. Throws a DockformError of the kind "usage" when the name
 * is unknown, when the reference and `chosen` disagree, or when several
 * contexts are possible.
 */
export function resolveVolumeReference(
  manifest: Manifest,
  reference: VolumeReference,
  chosen?: string,
): ManifestContext {
  const { context, volume } = reference;
  if (context !== undefined && chosen !== undefined && context !== chosen) {
    throw new DockformError(
      "reference.contexts-disagree",
      `${quoted(`${context}/${volume}`)} is not in the chosen context ${quoted(chosen)}`,
      { hint: "Name the context once." },
    );
  }
  const name = context ?? chosen;
  if (name !== undefined) return findContext(manifest, name);
  const declaring = manifest.contexts.filter(({ volumes }) => volumes.has(volume));
  const candidates = declaring.length > 0 ? declaring : manifest.contexts;
  const [only, ...others] = candidates;
  if (only !== undefined && others.length === 0) return only;
  throw ambiguous(manifest, volume, candidates, declaring.length > 0);
}

function ambiguous(
  manifest: Manifest,
  volume: string,
  candidates: readonly ManifestContext[],
  isDeclared: boolean,
): DockformError {
  const choices = candidates.map(({ name }) => `${name}/${volume}`);
  const known = manifest.contexts.flatMap(({ volumes }) => [...volumes.keys()]);
  const message = isDeclared
    ? `several contexts declare the volume ${quoted(volume)}`
    : `no context declares the volume ${quoted(volume)}${didYouMean(nearest(volume, known))}`;
  const code = isDeclared ? "reference.ambiguous" : "reference.undeclared";
  return new DockformError(code, message, {
    hint: `Say which is meant: ${choices.join(", ")}.`,
    data: { candidates: choices },
  });
}
