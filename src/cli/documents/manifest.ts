import * as v from "valibot";
import {
  count,
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
      name: v.nullable(text("Docker context; null where the environment chooses.")),
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
    last: v.optional(count("The newest n.")),
    hourly: v.optional(count("The newest of each of the last n hours that have any.")),
    daily: v.optional(count("The newest of each of the last n days that have any.")),
    weekly: v.optional(count("The newest of each of the last n weeks that have any.")),
    monthly: v.optional(count("The newest of each of the last n months that have any.")),
    yearly: v.optional(count("The newest of each of the last n years that have any.")),
    within: v.optional(text("All that are not older than this.")),
    note: v.optional(text("All whose note matches this regular expression.")),
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

const spec = group(
  {
    name: text("The volume's name."),
    driver: text("The volume's driver."),
    driverOpts: textMap("The driver's options."),
    labels: textMap("Labels that are declared."),
    snapshot: v.optional(
      group(
        { every: v.optional(every), keep: v.optional(keep) },
        "What the manifest wants of its snapshots.",
      ),
    ),
    declaredBy: word(["volumes", "fileset"], "The section that declares it."),
  },
  "Of one that is created: how.",
);

const plannedVolume = fields({
  action: word(["create", "keep", "drift", "orphan"], "What apply would do."),
  name: text("The volume's name."),
  spec: v.optional(spec),
  remark: v.optional(text("Of one that is kept: whose it is, where it is not ours.")),
  differences: v.optional(texts("Of one that exists otherwise than declared: in what.")),
});

export const planDocument = fields({
  contexts: list(
    fields({
      context: volumeName.context,
      volumes: list(plannedVolume, "By name."),
    }),
    "In the order of the manifest.",
  ),
  unmanagedSections: texts("Sections of the manifest that belong to other tools."),
  snapshots: list(
    fields({
      ...volumeName,
      state: word(FRESHNESS_STATES, "The state of its snapshots."),
      age_seconds: v.nullable(signed("The newest snapshot's age.")),
    }),
    "Of the declared volumes that exist.",
  ),
});

const removed = fields({
  ...volumeName,
  snapshot: v.nullable(
    text("The snapshot that was written first; null with `destroy --no-snapshot`."),
  ),
});

export const applyDocument = fields({
  created: list(fields(volumeName), "Volumes that were created."),
  removed: list(removed, "Volumes that `--prune` removed."),
});

export const destroyDocument = fields({ removed: list(removed, "Volumes that were removed.") });
