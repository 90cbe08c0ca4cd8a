import { createHash } from "node:crypto";

/** What of a volume enters its spec hash. */
export interface VolumeShape {
  readonly driver: string;
  readonly driverOpts: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * First 8 hex digits of SHA-256 over `driver=D|opts=k=v;k=v|labels=k=v;k=v`, keys sorted bytewise:
 * what the original computes, so that both tools agree (docs/format.md, "Spec hash").
 */
export function specHash(shape: VolumeShape): string {
  const text = `driver=${shape.driver}|opts=${pairs(shape.driverOpts)}|labels=${pairs(shape.labels)}`;
  return createHash("sha256").update(text).digest("hex").slice(0, 8);
}

function pairs(record: Readonly<Record<string, string>>): string {
  return Object.keys(record)
    .toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    .map((key) => `${key}=${record[key]}`)
    .join(";");
}

/**
 * Labels that a tool writes for itself: Compose's version and hash differ with every upgrade, and whose volume it
 * is says our own. They tell nothing of what a volume is.
 */
const TOOL_LABEL =
  /^(?:com\.docker\.(?:compose|stack)\.|io\.podman\.compose\.|com\.docker\.volume\.anonymous$|io\.dockform\.identifier$)/;

/** A volume without the labels that tools write for themselves. */
export function withoutToolLabels({ driver, driverOpts, labels }: VolumeShape): VolumeShape {
  const own = Object.entries(labels).filter(([label]) => !TOOL_LABEL.test(label));
  return { driver, driverOpts, labels: Object.fromEntries(own) };
}

/** In what two volumes differ, a line each: `label tier: "a" there, "b" here`. */
export function shapeDifferences(there: VolumeShape, here: VolumeShape): readonly string[] {
  return [
    ...difference("driver", there.driver, here.driver),
    ...recordDifferences("option", there.driverOpts, here.driverOpts),
    ...recordDifferences("label", there.labels, here.labels),
  ];
}

function recordDifferences(
  what: string,
  there: Readonly<Record<string, string>>,
  here: Readonly<Record<string, string>>,
): readonly string[] {
  const keys = new Set([...Object.keys(there), ...Object.keys(here)]);
  return [...keys].toSorted().flatMap((key) => difference(`${what} ${key}`, there[key], here[key]));
}

function difference(
  what: string,
  there: string | undefined,
  here: string | undefined,
): readonly string[] {
  return there === here ? [] : [`${what}: ${quoted(there)} there, ${quoted(here)} here`];
}

function quoted(value: string | undefined): string {
  return value === undefined ? "not set" : JSON.stringify(value);
}
