import type { ErrorEntries } from "./entry.ts";

/** The manifest, and names that refer to what it declares. */
export const MANIFEST_ERRORS = {
  "manifest.no-volumes": {
    kind: "manifest",
    cause: "A check was asked for, and no volume is declared, so there was nothing to check.",
    cure: "Run it in the folder of the manifest, and declare the volumes in it.",
  },
  "manifest.invalid": {
    kind: "manifest",
    cause: "The manifest is not valid; each problem is shown with its line.",
    cure: "Fix what the message names. `data.problems` lists it for programs.",
  },
  "manifest.not-found": {
    kind: "manifest",
    cause: "There is no manifest at that path or in that folder.",
    cure: "Run `dockform init` to write one, or name one with `--manifest`.",
  },
  "manifest.unreadable": {
    kind: "manifest",
    cause: "The manifest cannot be read.",
    cure: "Check the owner and mode of the file.",
  },
  "manifest.no-identifier": {
    kind: "manifest",
    cause:
      "The command marks volumes as the manifest's own, and the manifest has no identifier for that.",
    cure: "Add `identifier: some-name` at the top.",
  },
  "manifest.exists": {
    kind: "refused",
    cause: "`dockform init` found a manifest, and never overwrites one.",
    cure: "Edit it, or run the command in another folder.",
  },
  "manifest.unwritable": {
    kind: "failed",
    cause: "The manifest cannot be written.",
    cure: "Check the owner and mode of the folder.",
  },
  "manifest.unknown-context": {
    kind: "usage",
    cause: "The manifest declares no context of that name.",
    cure: "Name one that it declares, or add the context to it.",
  },
  "reference.invalid": {
    kind: "usage",
    cause: "The reference to a volume breaks the rules for names.",
    cure: "Write it as `volume` or `context/volume`.",
  },
  "reference.contexts-disagree": {
    kind: "usage",
    cause: "The reference names one context, and the command line another.",
    cure: "Name the context once.",
  },
  "reference.ambiguous": {
    kind: "usage",
    cause: "Several contexts have a volume of that name.",
    cure: "Say which is meant: `context/volume`.",
  },
  "reference.undeclared": {
    kind: "usage",
    cause: "No context declares the volume, and there are several that could be meant.",
    cure: "Say which is meant: `context/volume`.",
  },
} as const satisfies ErrorEntries;
