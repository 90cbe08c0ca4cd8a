import * as v from "valibot";
import { EXIT_CODES } from "../../error-codes/entry.ts";
import { archivePath, fields, list, text, volumeName, word } from "./parts.ts";

export const doctorDocument = fields({
  checks: list(
    fields({
      check: text("What was looked at."),
      status: word(["ok", "warning", "failed"], "How it is."),
      found: text("What was found."),
      advice: v.nullable(text("What to do about it, where there is something to do.")),
    }),
    "In the order of the text.",
  ),
});

export const versionDocument = fields({
  version: text("Of dockform."),
  node: text("Of Node.js."),
  platform: text("As Node.js says it: `linux`."),
  machine: text("As `uname -m` says it."),
});

const KINDS = Object.keys(EXIT_CODES);

/** An error, also within a document that has other things to say. */
export const error = v.pipe(
  v.looseObject({
    code: text("Which error it is: docs/errors.md. More may come."),
    kind: word(KINDS, "The class of it, which the exit code tells too."),
    message: text("What happened, and to what."),
    hint: v.nullable(text("What to do next.")),
    exit_code: v.pipe(
      v.picklist([...new Set(Object.values(EXIT_CODES))]),
      v.description("The exit code of a command that it ends."),
    ),
  }),
  v.description("Facts of the error may stand beside these fields; which ones is up to its code."),
);

export const errorDocument = fields({ error });

export const failedVolume = fields({ ...volumeName, error });

export const failedSnapshot = fields({ archive: archivePath, error });

/** Of a command over several contexts. */
export const failedContexts = list(
  fields({ context: volumeName.context, error }),
  "Contexts whose engine could not be asked. Where there was only that one, the error is the whole document.",
);
