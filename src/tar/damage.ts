import { DockformError } from "../errors.ts";

/** Zeros may follow, and nothing else. */
export const DATA_AFTER_END = "data follows the end of the archive";

/** For hints: what GNU tar needs to be told to extract attributes, ACLs and numeric owners as they were stored. */
export const EXTRACT_ALL = "--xattrs --xattrs-include='*' --acls --numeric-owner -xpf";
/** For hints: packs what was extracted so. */
export const PACK_ALL = "tar --xattrs --acls --numeric-owner --sparse -C FOLDER -cf whole.tar .";

/** An archive that is not what an archive has to be. `name` is what people call it, e.g. its path. */
export function damaged(name: string, problem: string, cause?: unknown): DockformError {
  return new DockformError("archive.damaged", `${name} is damaged: ${problem}`, {
    hint: "Use another snapshot.",
    advice: [{ code: "verify-snapshots" }],
    cause,
  });
}

/** A later volume of an archive of several. The first one alone is cut short. */
export function continuation(name: string): DockformError {
  return new DockformError(
    "archive.multi-volume",
    `${name} begins with the rest of a file of another archive (tar --multi-volume)`,
    {
      hint: `Put the volumes together as root: extract them into an empty folder with \`tar --multi-volume ${EXTRACT_ALL} FIRST -f NEXT\`; pack the result with \`${PACK_ALL}\` and use that.`,
    },
  );
}
