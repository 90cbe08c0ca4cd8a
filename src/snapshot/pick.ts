import { DockformError, type ErrorCode } from "../errors.ts";
import { archiveExtension, snapshotBaseName, type SnapshotName } from "./name.ts";

/** A snapshot as a command line names it. */
export type SnapshotReference =
  | { readonly kind: "path"; readonly path: string }
  | {
      readonly kind: "stored";
      /** `[context/]volume`; `undefined` where the command says it elsewhere. */
      readonly volume: string | undefined;
      /** `latest`, `latest~2`, or a time or its beginning. */
      readonly which: string;
    };

const PATH = /^(?:\.{0,2}\/|~\/)|\.json$/;
const LATEST = "latest";

/**
 * Reads a reference to a snapshot: a path, `volume@latest`, or `volume` alone for its latest one. Where
 * `volumeIsKnown`, what stands alone is which of its snapshots: `latest~2`, `2026-11-23`; a dot is a file's, unless it
 * stands in a name before `@latest` or a time.
 */
export function parseSnapshotReference(text: string, volumeIsKnown = false): SnapshotReference {
  const at = text.lastIndexOf("@");
  const isPath = PATH.test(text) || archiveExtension(text) !== undefined;
  const [volume, which] = [text.slice(0, Math.max(at, 0)), text.slice(at + 1)];
  const saysWhich = at >= 0 && (RELATIVE.test(which) || TIME.test(which));
  if (isPath || (volumeIsKnown && !saysWhich && /[/.]/.test(text)))
    return { kind: "path", path: text };
  if (at >= 0) {
    return { kind: "stored", volume: volume === "" ? undefined : volume, which };
  }
  return volumeIsKnown
    ? { kind: "stored", volume: undefined, which: text }
    : { kind: "stored", volume: text, which: LATEST };
}

const RELATIVE = /^latest(?:~(\d{1,9}))?$/;
const TIME =
  /^(\d{4}(?:-\d{2}(?:-\d{2}(?:[T ]\d{2}(?:[-:]\d{2}(?:[-:]\d{2}(?:Z(?:__spec-[0-9a-f]{1,8})?)?)?)?)?)?)?)$/i;
const SHOWN_MAX = 10;

/**
 * Why a snapshot in a volume's folder does not count among the volume's own: it is of another volume, it is damaged, or
 * it is what a restore in place wrote of the old contents.
 */
export type PassedOver = "stranger" | "damaged" | "safety";

const PASSED_OVER: Readonly<Record<PassedOver, string>> = {
  stranger: "of other volumes",
  damaged: "damaged",
  safety: "the old contents of restores in place",
};

/**
 * The one of a volume's snapshots that is meant. `latest` and those before it are the volume's own good ones: what
 * `passOver` gives a reason for has to be named by its time.
 *
 * @throws DockformError `usage` when it is none or not one alone; the hint names those there are.
 */
export async function pickSnapshot<Named extends SnapshotName>(
  snapshots: readonly Named[],
  which: string,
  volume: string,
  passOver: (snapshot: Named) => Promise<PassedOver | undefined> = async () => undefined,
): Promise<Named> {
  const newestFirst = snapshots.toSorted((a, b) => b.time.getTime() - a.time.getTime());
  const relative = RELATIVE.exec(which);
  if (newestFirst.length === 0) throw noneAtAll(volume);
  if (relative === null) return pickByTime(newestFirst, which, volume);
  const back = Number(relative[1] ?? 0);
  const own: Named[] = [];
  const reasons = new Set<PassedOver>();
  for (const snapshot of newestFirst) {
    const reason = await passOver(snapshot);
    if (reason === undefined) own.push(snapshot);
    else reasons.add(reason);
    if (own.length > back) return snapshot;
  }
  if (own.length === 0) throw noneOfItsOwn(volume, newestFirst, reasons);
  const have = own.length === 1 ? "only one" : `only ${own.length}`;
  throw choiceError("snapshot.not-found", `volume ${volume} has no ${which}: it has ${have}`, own);
}

function pickByTime<Named extends SnapshotName>(
  snapshots: readonly Named[],
  which: string,
  volume: string,
): Named {
  if (!TIME.test(which)) {
    throw new DockformError(
      "snapshot.bad-selector",
      `"${which}" does not say which snapshot of ${volume} is meant`,
      {
        hint: "Write latest, latest~1 for the one before, a time like 2026-11-23T02:15 or the beginning of one, or a path.",
      },
    );
  }
  const prefix = which.replace(" ", "T").replaceAll(":", "-").replace("t", "T").replace("z", "Z");
  const found = snapshots.filter((snapshot) => snapshotBaseName(snapshot).startsWith(prefix));
  const [only, ...others] = found;
  if (only === undefined)
    throw choiceError(
      "snapshot.not-found",
      `volume ${volume} has no snapshot of ${which}`,
      snapshots,
    );
  if (others.length === 0) return only;
  throw choiceError(
    "snapshot.ambiguous",
    `${found.length} snapshots of volume ${volume} begin with ${which}`,
    found,
  );
}

function noneAtAll(volume: string): DockformError {
  return new DockformError("snapshot.none", `volume ${volume} has no snapshot`, {
    advice: [{ code: "take-first-snapshot", volume }],
    data: { candidates: [] },
  });
}

function noneOfItsOwn(
  volume: string,
  passedOver: readonly SnapshotName[],
  reasons: ReadonlySet<PassedOver>,
): DockformError {
  const words = [...reasons].map((reason) => PASSED_OVER[reason]).join(", or ");
  return choiceError(
    "snapshot.none",
    `volume ${volume} has no good snapshot of its own: those in its folder are ${words}`,
    passedOver,
  );
}

/** An error that lists the snapshots there are. */
function choiceError(
  code: ErrorCode,
  message: string,
  candidates: readonly SnapshotName[],
): DockformError {
  const names = candidates.map((name) => snapshotBaseName(name));
  const more = names.length - SHOWN_MAX;
  const shown = [...names.slice(0, SHOWN_MAX), ...(more > 0 ? [`and ${more} more`] : [])];
  return new DockformError(code, message, {
    advice: [{ code: "choose-snapshot", names: shown }],
    data: { candidates: names },
  });
}
