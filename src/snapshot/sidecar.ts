import * as v from "valibot";
import { DockformError } from "../errors.ts";
import { formatBytes } from "../format.ts";
import type { ArchiveFormat } from "./name.ts";

export const FORMAT_VERSION = 1;

const time = v.pipe(v.string(), v.isoTimestamp("a time like 2026-11-23T02:15:40Z"));
const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const text = v.string();
const textMap = v.record(v.string(), v.string());
const sha256 = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/, "64 hex digits"));

/** A container that had the volume mounted when the snapshot was taken. */
const ContainerSchema = v.looseObject({
  name: text,
  image: text,
  image_digest: text,
  state: text,
  read_write: v.boolean(),
});

/** Of what needs a file system that can hold it, how many entries an archive has. */
const HoldingsSchema = v.looseObject({
  /** `uid:gid`: the first that were met, and those with the largest numbers. */
  owners: v.array(v.pipe(text, v.regex(/^\d+:\d+$/, "an owner like 33:33"))),
  attributes: count,
  acls: count,
  devices: count,
  fifos: count,
  symlinks: count,
  hard_links: count,
});

/** What a volume's metadata was before it was read, and what tells how it differs from another one. */
const FingerprintSchema = v.looseObject({
  algo: text,
  value: text,
  boot: v.optional(text),
  entries: v.optional(count),
  newest_change: v.optional(v.number()),
});

export const SidecarSchema = v.looseObject({
  dockform_version: text,
  created_at: time,
  volume_name: text,
  spec_hash: text,
  driver: text,
  // The original writes null where a volume has none.
  driver_opts: v.nullish(textMap, {}),
  labels: v.nullish(textMap, {}),
  uncompressed_bytes: count,
  file_count: count,
  checksum: v.looseObject({
    algo: v.literal("sha256", "sha256"),
    tar_zst: v.optional(v.union([sha256, v.literal("")])),
    tar: v.optional(v.union([sha256, v.literal("")])),
  }),
  notes: v.optional(text),
  format_version: v.optional(count),
  stored_bytes: v.optional(count),
  entry_count: v.optional(count),
  verified_at: v.optional(time),
  damaged_at: v.optional(time),
  unhealthy_at: v.optional(time),
  purpose: v.optional(text),
  context: v.optional(text),
  engine: v.optional(v.looseObject({ id: text, version: text })),
  consistency: v.optional(v.picklist(["live", "pause", "stop"])),
  warnings: v.optional(v.array(text)),
  containers: v.optional(v.array(ContainerSchema)),
  durations: v.optional(v.looseObject({ total_ms: count, downtime_ms: count })),
  fingerprint: v.optional(FingerprintSchema),
  holds: v.optional(HoldingsSchema),
  helper_capabilities: v.optional(v.array(text)),
  unrestorable_attributes: v.optional(v.record(text, count)),
  unchanged_at: v.optional(time),
  proven_at: v.optional(time),
  proven_by: v.optional(text),
});

export type ArchiveHoldings = v.InferOutput<typeof HoldingsSchema>;

/**
 * What a snapshot's JSON file says of its data (docs/format.md, "Sidecar"). The fields up to `notes`
 * are the original Dockform's, with its meaning; the others are ours and absent in its files.
 */
export type Sidecar = v.InferOutput<typeof SidecarSchema>;

/** Ours have a few thousand bytes; those of volumes with much to warn of, some hundred thousand. */
const BYTES_MAX = 32 << 20;
const LEVELS_MAX = 64;

/**
 * Before it is read: nobody is to need memory for a file of any size.
 *
 * @throws DockformError `integrity`.
 */
export function requireSidecarSize(bytes: number, file: string): void {
  if (bytes <= BYTES_MAX) return;
  throw invalid(file, `it is larger than ${formatBytes(BYTES_MAX)}`);
}

/**
 * Reads a sidecar. Fields that this version does not know are ignored.
 *
 * @throws DockformError `integrity` for anything that is not a valid sidecar: malformed is never
 * the same as absent.
 */
export function parseSidecar(json: string, file: string): Sidecar {
  if (isDeeperThan(LEVELS_MAX, json)) {
    throw invalid(file, `it has more than ${LEVELS_MAX} levels`);
  }
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    throw invalid(file, "it is not JSON", error);
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw invalid(file, "it is not a JSON object");
  }
  const result = v.safeParse(SidecarSchema, value);
  if (!result.success) {
    const [issue] = result.issues;
    const path = v.getDotPath(issue);
    throw invalid(file, `${path}: expected ${issue.expected}, found ${issue.received}`);
  }
  const { format_version: version = 0 } = result.output;
  if (version > FORMAT_VERSION) {
    throw invalid(
      file,
      `format_version ${version} is newer than this version of dockform understands`,
    );
  }
  return result.output;
}

/** Whether arrays and objects lie so deep in each other, looked for before anything is made of them. */
function isDeeperThan(levelsMax: number, json: string): boolean {
  let levels = 0;
  let isInText = false;
  for (let at = 0; at < json.length; at += 1) {
    const character = json[at];
    if (character === '"') isInText = !isInText;
    else if (isInText && character === "\\") at += 1;
    else if (!isInText && (character === "{" || character === "[")) levels += 1;
    else if (!isInText && (character === "}" || character === "]")) levels -= 1;
    if (levels > levelsMax) return true;
  }
  return false;
}

function invalid(file: string, problem: string, cause?: unknown): DockformError {
  return new DockformError("sidecar.invalid", `the sidecar ${file} is not valid: ${problem}`, {
    hint: "Restore from another snapshot. To use the data without its sidecar, move the .json file away.",
    cause,
  });
}

/** The file's content, as `JSON.stringify` with two blanks. */
export function formatSidecar(sidecar: Sidecar): string {
  return `${JSON.stringify(sidecar, undefined, 2)}\n`;
}

/**
 * Whether a sidecar's sizes say anything: the original writes zeros where its second read of a volume met a file in
 * use. No tar stream is that short.
 */
export function knowsSizes({ uncompressed_bytes: tarBytes }: Sidecar): boolean {
  return tarBytes > 0;
}

/** What the note of a safety snapshot says. Earlier versions wrote it, and no purpose. */
export const SAFETY_NOTE = "the contents before a restore in place";

/** Whether a snapshot is what a restore in place wrote of the old contents, for itself to bring back. */
export function isSafety({ purpose, notes }: Sidecar): boolean {
  return purpose === "safety" || (purpose === undefined && notes === SAFETY_NOTE);
}

/** The SHA-256 over the stored bytes; `undefined` where the sidecar has none for this format. */
export function storedChecksum(
  sidecar: Sidecar,
  format: ArchiveFormat | undefined,
): string | undefined {
  const { tar_zst: tarZst, tar } = sidecar.checksum;
  if (format === undefined) return undefined;
  return (format === "tar.zst" ? tarZst : tar) || undefined;
}
