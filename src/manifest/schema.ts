import * as v from "valibot";
import { INTERVAL, parseInterval, SPAN } from "../snapshot/duration.ts";
import { fields, mustBe, mustBeText, named, pathTo, unquoted } from "./blocks.ts";

const NAME = "[a-zA-Z0-9][a-zA-Z0-9_.-]+";
const CONTEXT_NAME = "[a-zA-Z0-9][a-zA-Z0-9_.+-]+";
const ADDRESS = /^(?:unix|tcp|ssh|npipe|https?):\/\/\S+$/;
// Printable characters without white space, said without flags for JSON Schema's sake.
const WORD = /^(?:[!-~]|(?!\s)[\u00a1-\uffff])+$/;

const string = v.string(mustBeText);

/** A volume's name, by the engine's own rule. */
export const volumeName = v.pipe(
  string,
  v.regex(new RegExp(`^${NAME}$`), `is not a volume name (${NAME})`),
);

/** A Docker context's name, by the docker command's own rule. */
export const contextName = v.pipe(
  string,
  v.regex(new RegExp(`^${CONTEXT_NAME}$`), `is not a context name (${CONTEXT_NAME})`),
);

const scalar = v.union([string, unquoted], mustBe("text, a number or a boolean"));

/** A value of `driver_opts` or `labels`; an empty one is the empty string. */
const optionValue = v.pipe(
  v.nullable(scalar),
  v.transform((text) => text ?? ""),
);

const identifier = v.pipe(
  scalar,
  v.regex(WORD, "is not an identifier: it must have no spaces and not be empty"),
  v.description("The project's name."),
);

const every = v.pipe(
  scalar,
  v.regex(
    new RegExp(`^never$|${INTERVAL.source}`),
    'is not an interval: numbers with h, d or w, such as 36h, 1d or 2w; or "never"',
  ),
  v.description('How old the newest snapshot may get: 36h, 1d, 2w; "never" where none is needed.'),
  v.transform((text) => parseInterval(text) ?? ("never" as const)),
);

const howMany = (description: string) =>
  v.exactOptional(
    v.pipe(
      scalar,
      v.regex(/^[1-9]\d{0,8}$/, "is not a number of snapshots: a whole number from 1 on"),
      v.description(description),
      v.transform(Number),
    ),
  );

const within = v.pipe(
  scalar,
  v.regex(
    SPAN,
    "is not a duration: numbers with y, m (months), w, d or h, each once, such as 30d or 1y6m",
  ),
  v.description("All that are not older than this, counted from the newest: 30d, 1y6m."),
);

const note = v.pipe(
  scalar,
  v.check(isRegularExpression, "is not a regular expression"),
  v.description("All whose note matches this regular expression."),
);

const keep = v.pipe(
  v.nullable(
    fields({
      last: howMany("The newest n."),
      hourly: howMany("Of each of the newest n hours that have a snapshot, the newest one."),
      daily: howMany("Of each of the newest n days that have a snapshot, the newest one."),
      weekly: howMany("Of each of the newest n weeks that have a snapshot, the newest one."),
      monthly: howMany("Of each of the newest n months that have a snapshot, the newest one."),
      yearly: howMany("Of each of the newest n years that have a snapshot, the newest one."),
      within: v.exactOptional(within),
      note: v.exactOptional(note),
    }),
  ),
  v.description("Which snapshots `snapshot prune` keeps: all that any of these rules names."),
);

const snapshot = v.pipe(
  v.nullable(fields({ every: v.optional(every), keep: v.optional(keep) })),
  v.description("What is wanted of the volume's snapshots."),
);

const volume = v.nullable(
  fields({
    driver: v.optional(
      v.pipe(
        string,
        v.regex(WORD, "is not a driver name"),
        v.description('The volume driver; "local" when left out.'),
      ),
    ),
    driver_opts: v.optional(
      v.pipe(v.nullable(named(string, optionValue)), v.description("Options for the driver.")),
    ),
    labels: v.optional(
      v.pipe(v.nullable(named(string, optionValue)), v.description("Labels of the volume.")),
    ),
    snapshot: v.optional(snapshot),
  }),
);

const volumes = v.pipe(
  v.nullable(named(volumeName, volume)),
  v.description("Volumes that must exist, by name."),
);

const unmanagedSection = v.optional(
  v.pipe(v.unknown(), v.description("Accepted, but not managed by this tool.")),
);

/** The sections that belong to other tools. */
export const unmanagedSections = {
  applications: unmanagedSection,
  stacks: unmanagedSection,
  deployments: unmanagedSection,
  discovery: unmanagedSection,
  conventions: unmanagedSection,
  networks: unmanagedSection,
  filesets: unmanagedSection,
  environment: unmanagedSection,
  secrets: unmanagedSection,
  sops: unmanagedSection,
};

const context = v.nullable(
  fields({
    host: v.optional(
      v.pipe(
        string,
        v.regex(
          ADDRESS,
          "is not an address; accepted are unix://, tcp://, ssh://, npipe://, http:// and https://",
        ),
        v.description("The engine's address; without it the Docker context of this name is used."),
      ),
    ),
    volumes: v.optional(volumes),
    ...unmanagedSections,
  }),
);

const contexts = v.pipe(
  named(contextName, context),
  v.minSize(1, "must not be empty"),
  v.metadata({ minProperties: 1 }),
  v.description("Several engines, by the name of their Docker context."),
);

const docker = v.pipe(
  v.nullable(
    fields({
      context: v.optional(
        v.pipe(
          contextName,
          v.description("The Docker context; without it the environment decides."),
        ),
      ),
      identifier: v.optional(identifier),
    }),
  ),
  v.description("The engine of a manifest with a single context."),
);

const capability = v.pipe(
  string,
  v.regex(/^SYS_ADMIN$/, "is not a capability that serves a helper; SYS_ADMIN is the only one"),
);

const helper = v.pipe(
  v.nullable(
    fields({
      image: v.optional(
        v.pipe(
          string,
          v.regex(WORD, "is not an image name"),
          v.description("The image of the helper containers."),
        ),
      ),
      capabilities: v.optional(
        v.pipe(
          v.array(capability, mustBe("a list")),
          v.description(
            "Privileges beyond the usual ones: SYS_ADMIN, to read and set trusted.* and security.* attributes.",
          ),
        ),
      ),
    }),
  ),
  v.description("The helper containers that read and write volumes."),
);

/** Neither a bare word nor a URL: those are to name other kinds of stores. */
const store = v.pipe(
  string,
  v.regex(
    /^(?:\/|\.{1,2}(?:\/|$)|[A-Za-z]:[\\/])/,
    "is not a folder: it must begin with / or ./ or ../",
  ),
  v.description(
    'The folder of all snapshots: "/srv/snapshots", or "./snapshots" beside the manifest; without it ".dockform/snapshots".',
  ),
);

/** A fileset, of which only the volume it writes to matters here. */
export const filesetSchema = v.object({ target_volume: v.optional(volumeName) });

interface Conflict {
  readonly key: string;
  /** The keys that lead to the map it is in. */
  readonly above: readonly string[];
  /** The key at the top level that it cannot stand beside. */
  readonly other: string;
  readonly message: string;
}

const conflicts: readonly Conflict[] = [
  {
    key: "docker",
    above: [],
    other: "contexts",
    message: '"docker" and "contexts" exclude each other; choose one',
  },
  {
    key: "volumes",
    above: [],
    other: "contexts",
    message: '"volumes" cannot stand beside "contexts"; move it under a context',
  },
  {
    key: "identifier",
    above: ["docker"],
    other: "identifier",
    message: '"identifier" is given twice; keep the one at the top level',
  },
];

/** What a manifest may say: the one source for checking it and for its JSON Schema. */
export const manifestSchema = v.pipe(
  fields({
    identifier: v.optional(identifier),
    docker: v.optional(docker),
    contexts: v.optional(contexts),
    volumes: v.optional(volumes),
    store: v.optional(store),
    helper: v.optional(helper),
    ...unmanagedSections,
  }),
  v.rawCheck(({ dataset: { value }, addIssue }) => {
    for (const { key, above, other, message } of conflicts) {
      if (!holds(value, [...above, key]) || !holds(value, [other])) continue;
      addIssue({ message, path: pathTo(key, above) });
    }
  }),
  v.metadata({
    title: "dockform manifest",
    allOf: [
      { not: { required: ["docker", "contexts"] } },
      { not: { required: ["volumes", "contexts"] } },
    ],
  }),
);

/** A manifest's content as the schema puts it out. */
export type ManifestContent = v.InferOutput<typeof manifestSchema>;

function holds(value: unknown, path: readonly string[]): boolean {
  const [key, ...rest] = path;
  if (key === undefined) return true;
  if (typeof value !== "object" || value === null) return false;
  const entry = Object.entries(value).find(([name]) => name === key);
  return entry !== undefined && holds(entry[1], rest);
}

function isRegularExpression(text: string): boolean {
  try {
    return new RegExp(text) instanceof RegExp;
  } catch {
    return false;
  }
}
