import * as v from "valibot";
import { failedContexts } from "./diagnostic.ts";
import {
  count,
  deprecated,
  fields,
  group,
  list,
  signed,
  text,
  textMap,
  texts,
  volumeName,
  word,
} from "./parts.ts";
import { failedVolume } from "./diagnostic.ts";

export const initDocument = fields({
  manifest: text("The file that was written."),
  volumes: texts("The volumes that the engine has; none where it was not reached."),
});

export const validateDocument = fields({
  valid: v.pipe(v.literal(true), v.description("One that is not valid is an error.")),
  manifest: text("The manifest's path."),
  identifier: v.nullable(text("The project's name, which labels its volumes.")),
  store: text("The folder of all snapshots."),
  contexts: list(
    fields({
      context: v.nullable(text("Docker context; null where the environment chooses.")),
      name: v.nullable(deprecated(text, "context")),
      host: v.nullable(text("The engine's address, where the manifest says it.")),
      volumes: texts("Names of the declared volumes."),
    }),
    "In the order of the manifest.",
  ),
});

export const FRESHNESS_STATES = [
  "fresh",
  "present",
  "excluded",
  "stale",
  "missing",
  "future",
  "damaged",
] as const;

const keep = group(
  {
    last: v.nullable(count("The newest n.")),
    hourly: v.nullable(count("The newest of each of the last n hours that have any.")),
    daily: v.nullable(count("The newest of each of the last n days that have any.")),
    weekly: v.nullable(count("The newest of each of the last n weeks that have any.")),
    monthly: v.nullable(count("The newest of each of the last n months that have any.")),
    yearly: v.nullable(count("The newest of each of the last n years that have any.")),
    within: v.nullable(text("All that are not older than this.")),
    note: v.nullable(text("All whose note matches this regular expression.")),
  },
  "The rules by which `snapshot prune` keeps snapshots.",
);

const every = v.pipe(
  v.union([
    v.literal("never"),
    fields({ text: text("As it was written."), milliseconds: count("The same.") }),
  ]),
  v.description("How old the newest snapshot may get."),
);

const declaredBy = (meaning: string) => word(["volumes", "fileset"], meaning);

const spec = group(
  {
    name: text("The volume's name."),
    driver: text("The volume's driver."),
    driver_opts: textMap("The driver's options."),
    driverOpts: deprecated(textMap, "driver_opts"),
    labels: textMap("Labels that are declared."),
    snapshot: v.nullable(
      group(
        { every: v.nullable(every), keep: v.nullable(keep) },
        "What the manifest wants of its snapshots.",
      ),
    ),
    declared_by: declaredBy("The section that declares it."),
    declaredBy: deprecated(declaredBy, "declared_by"),
  },
  "Of one that is created: how.",
);

const plannedVolume = fields({
  action: word(["create", "keep", "drift", "orphan"], "What apply would do."),
  volume: volumeName.volume,
  name: deprecated(text, "volume"),
  spec: v.nullable(spec),
  remark: v.nullable(text("Of one that is kept: whose it is, where it is not ours.")),
  differences: texts("Of one that exists otherwise than declared: in what."),
});

export const planDocument = fields({
  contexts: list(
    fields({
      context: volumeName.context,
      volumes: list(plannedVolume, "By name."),
    }),
    "In the order of the manifest.",
  ),
  unmanaged_sections: texts("Sections of the manifest that belong to other tools."),
  unmanagedSections: deprecated(texts, "unmanaged_sections"),
  snapshots: list(
    fields({
      ...volumeName,
      state: word(FRESHNESS_STATES, "The state of its snapshots."),
      age_seconds: v.nullable(signed("The newest snapshot's age.")),
    }),
    "Of the declared volumes that exist.",
  ),
  failed_contexts: failedContexts,
});

const removed = fields({
  ...volumeName,
  archive: v.nullable(
    text(
      "The data file of the snapshot that was written first; null with `destroy --no-snapshot`.",
    ),
  ),
  snapshot: v.nullable(deprecated(text, "archive")),
});

const failures = list(
  failedVolume,
  "The volume that ended it; none where all was done. Where nothing was done, the error is the whole document.",
);

export const applyDocument = fields({
  created: list(fields(volumeName), "Volumes that were created."),
  removed: list(removed, "Volumes that `--prune` removed."),
  failures,
  failed_contexts: failedContexts,
});

export const destroyDocument = fields({
  removed: list(removed, "Volumes that were removed."),
  failures,
});
