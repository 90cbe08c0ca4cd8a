import { nearest } from "../nearest.ts";

/** The name of a volume, as far as a pattern looks at it. */
export interface NamedVolume {
  readonly context: string | undefined;
  readonly volume: string;
}

/** Whether a text describes volumes instead of naming one: `paperless_*`. */
export function isPattern(text: string): boolean {
  return /[*?]/.test(text);
}

/**
 * What `[context/]volume` describes, where `*` stands for any characters and `?` for one. A name without any of these is
 * itself; without a context it is that volume of any.
 */
export function volumePattern(text: string): (named: NamedVolume) => boolean {
  const cut = text.lastIndexOf("/");
  const volume = expression(text.slice(cut + 1));
  const context = cut === -1 ? undefined : expression(text.slice(0, cut));
  return (named) =>
    volume.test(named.volume) &&
    (context === undefined || named.context === undefined || context.test(named.context));
}

function expression(pattern: string): RegExp {
  const pieces = pattern.split(/([*?])/).map((piece) => {
    if (piece === "*") return ".*";
    return piece === "?" ? "." : RegExp.escape(piece);
  });
  return new RegExp(`^${pieces.join("")}$`, "s");
}

/** The volume that was probably meant by a pattern that describes none; what is no pattern is compared as a whole. */
export function nearestToPattern(pattern: string, volumes: readonly string[]): string | undefined {
  const literal = pattern.slice(pattern.lastIndexOf("/") + 1).replaceAll(/[*?]+/g, "");
  if (!isPattern(pattern)) return nearest(literal, volumes);
  // What stands for something in the pattern may be before it, or after it; a letter may be missing, or too many.
  const lengths = [literal.length, literal.length + 1, literal.length - 1].filter((n) => n > 0);
  const parts = new Map(
    lengths.flatMap((length) =>
      volumes.flatMap((volume) => [
        [volume.slice(0, length), volume] as const,
        [volume.slice(-length), volume] as const,
      ]),
    ),
  );
  const meant = nearest(literal, parts.keys());
  return meant === undefined ? undefined : parts.get(meant);
}
