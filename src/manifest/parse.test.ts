import assert from "node:assert/strict";
import { test } from "node:test";
import type { Manifest, ManifestContext, VolumeSpec } from "./manifest.ts";
import { parseManifest, type ParsedManifest } from "./parse.ts";

type Env = Readonly<Record<string, string | undefined>>;

function parse(text: string, env: Env = {}): ParsedManifest {
  return parseManifest(text, { file: "dockform.yml", env });
}

function manifestOf(text: string, env: Env = {}): Manifest {
  return parse(text, env).manifest;
}

function onlyContext(text: string, env: Env = {}): ManifestContext {
  const [context, ...others] = manifestOf(text, env).contexts;
  assert.ok(context);
  assert.deepEqual(others, []);
  return context;
}

function labelsOf(labels: string, env: Env = {}): VolumeSpec["labels"] | undefined {
  return onlyContext(`volumes:\n  data:\n    labels: ${labels}\n`, env).volumes.get("data")?.labels;
}

const PLAIN = { driver: "local", driverOpts: {}, labels: {}, declaredBy: "volumes" } as const;

test("the form for one context", () => {
  const text = `
docker: { context: default, identifier: myproject }    # one context
volumes:
  myapp_data: {}
  cache: { driver: local, driver_opts: { type: tmpfs, device: tmpfs }, labels: { tier: scratch } }
`;
  assert.deepEqual(manifestOf(text), {
    file: "dockform.yml",
    identifier: "myproject",
    severalContexts: false,
    contexts: [
      {
        name: "default",
        host: undefined,
        volumes: new Map<string, VolumeSpec>([
          ["myapp_data", { name: "myapp_data", ...PLAIN }],
          [
            "cache",
            {
              name: "cache",
              ...PLAIN,
              driverOpts: { type: "tmpfs", device: "tmpfs" },
              labels: { tier: "scratch" },
            },
          ],
        ]),
      },
    ],
    store: undefined,
    helperImage: undefined,
    helperCapabilities: [],
    unmanagedSections: [],
  });
});

test("the form for several contexts", () => {
  const text = `
identifier: homeserver                                  # several contexts
contexts:
  default: { volumes: { myapp_data: {} } }
  hetzner-two: { host: ssh://me@host, volumes: { netbird_data: {} } }
`;
  const manifest = manifestOf(text);
  assert.equal(manifest.identifier, "homeserver");
  assert.equal(manifest.severalContexts, true);
  assert.deepEqual(manifest.contexts, [
    {
      name: "default",
      host: undefined,
      volumes: new Map([["myapp_data", { name: "myapp_data", ...PLAIN }]]),
    },
    {
      name: "hetzner-two",
      host: "ssh://me@host",
      volumes: new Map([["netbird_data", { name: "netbird_data", ...PLAIN }]]),
    },
  ]);
});

test("everything may be left out that has a default", () => {
  const manifest = manifestOf("volumes:\n  data:\n");
  assert.equal(manifest.identifier, undefined);
  assert.equal(manifest.severalContexts, false);
  assert.equal(manifest.contexts[0]?.name, undefined);
  assert.deepEqual([...(manifest.contexts[0]?.volumes.keys() ?? [])], ["data"]);
  assert.deepEqual(manifestOf("docker:\nvolumes:\nhelper:").contexts[0]?.volumes, new Map());
  assert.equal(manifestOf("identifier: x").identifier, "x");
});

test("a single context in the form for several, and an empty one", () => {
  const manifest = manifestOf("contexts:\n  default:\n");
  assert.equal(manifest.severalContexts, true);
  assert.deepEqual(manifest.contexts, [{ name: "default", host: undefined, volumes: new Map() }]);
});

test("the identifier may stand at the top of the form for one context, and be a number", () => {
  assert.equal(manifestOf("identifier: top\ndocker: { context: default }").identifier, "top");
  assert.equal(manifestOf("identifier: 0042").identifier, "0042");
});

test("the folder of snapshots, as it is written", () => {
  for (const folder of ["/srv/snapshots", "./snapshots", "../snapshots", ".", "C:\\snapshots"]) {
    assert.equal(manifestOf(`store: ${folder}`).store, folder);
  }
});

test("the helper's image", () => {
  assert.equal(manifestOf("helper: { image: some/image:tag }").helperImage, "some/image:tag");
});

test("numbers and booleans of labels and options are kept as written", () => {
  assert.deepEqual(labelsOf("{ a: 8080, b: 0x1F, c: 1.10, d: true, e: False, f: .inf, g: '7' }"), {
    a: "8080",
    b: "0x1F",
    c: "1.10",
    d: "true",
    e: "False",
    f: ".inf",
    g: "7",
  });
  assert.deepEqual(labelsOf("{ a: , b: ~, c: '' }"), { a: "", b: "", c: "" });
  const { volumes } = onlyContext("volumes: { nfs: { driver_opts: { uid: 0o17 } } }");
  assert.deepEqual(volumes.get("nfs")?.driverOpts, { uid: "0o17" });
});

test("names that JavaScript's objects know are names like any other", () => {
  const { volumes } = onlyContext(
    "volumes: { constructor: { driver: xx }, prototype: , aa: { labels: { __proto__: x, toString: y } } }",
  );
  assert.deepEqual([...volumes.keys()], ["constructor", "prototype", "aa"]);
  assert.equal(volumes.get("constructor")?.driver, "xx");
  assert.deepEqual(Object.entries(volumes.get("aa")?.labels ?? {}), [
    ["__proto__", "x"],
    ["toString", "y"],
  ]);
});

test("a key that is a number or a boolean is its text", () => {
  assert.deepEqual([...onlyContext("volumes: { true: , 0x10: }").volumes.keys()], ["true", "0x10"]);
});

test("a byte order mark and Windows line ends do no harm", () => {
  assert.equal(manifestOf("\uFEFFidentifier: x\r\nvolumes:\r\n  data:\r\n").identifier, "x");
});

test("variables are replaced in keys and in values", () => {
  const text = "docker: { context: '${CTX}' }\nvolumes:\n  ${APP}_data: { driver: \"x-${APP}\" }\n";
  const context = onlyContext(text, { CTX: "remote", APP: "web" });
  assert.equal(context.name, "remote");
  assert.equal(context.volumes.get("web_data")?.driver, "x-web");
});

test("variables are replaced in the names of contexts and in the keys inside them", () => {
  const { manifest, warnings } = parse("contexts: { '${CTX}': { vol${S}: { data: } } }", {
    CTX: "remote",
    S: "umes",
  });
  assert.deepEqual(
    manifest.contexts.map(({ name, volumes }) => [name, ...volumes.keys()]),
    [["remote", "data"]],
  );
  assert.deepEqual(warnings, []);
});

test("a variable needs no quotes inside { }", () => {
  assert.deepEqual(labelsOf("{ a: ${A}, ${A}: b }", { A: "x" }), {
    a: "x",
    x: "b",
  });
});

test("a variable's value is never read as YAML, only as a plain scalar", () => {
  const env = { MAP: "{ a: b }", LINES: "x\nvolums:\n  y: 1", NUMBER: "0x10", MERGE: "<<" };
  assert.deepEqual(labelsOf("{ a: ${MAP}, b: ${LINES}, c: ${NUMBER}, ${MERGE}: d }", env), {
    a: env.MAP,
    b: env.LINES,
    c: "0x10",
    "<<": "d",
  });
});

test("after replacement an unquoted scalar is resolved again, a quoted one is not", () => {
  const empty = { EMPTY: "", NUMBER: "5" };
  assert.deepEqual(
    [...onlyContext("volumes:\n  data: ${EMPTY}\n", empty).volumes.keys()],
    ["data"],
  );
  assert.equal(onlyContext('docker: { context: "1${NUMBER}" }', empty).name, "15");
  assert.throws(
    () => parse("docker: { context: 1${NUMBER} }", empty),
    /must be text; put it in quotes/,
  );
  assert.throws(() => parse('volumes: { data: "${EMPTY}" }', empty), /must be a map, not text/);
  assert.equal(onlyContext("docker: { context: !!str 1${NUMBER} }", empty).name, "15");
});

test("an unset variable is a warning where it is used first, and replaced with nothing", () => {
  const text = `# \${COMMENT}
networks: { a: "\${NETWORK}" }
volumes:
  data:
    labels:
      tier: "x\${TIER}"
      b: |
        first
        \${TIER}\${LAST}
      c: \${SET}
secrets: \${SECRET}
`;
  const { manifest, warnings } = parse(text, { SET: "set" });
  assert.deepEqual(manifest.contexts[0]?.volumes.get("data")?.labels, {
    tier: "x",
    b: "first\n\n",
    c: "set",
  });
  assert.deepEqual(warnings, [
    {
      message: "the variable TIER is not set; it is replaced with an empty string",
      line: 6,
      column: 15,
    },
    {
      message: "the variable LAST is not set; it is replaced with an empty string",
      line: 9,
      column: 16,
    },
  ]);
});

test("no warnings without unset variables", () => {
  assert.deepEqual(parse("volumes: { '${A}': }", { A: "data" }).warnings, []);
});

test("aliases stand for their anchors' values", () => {
  const text = `
volumes:
  one: &nfs { driver: nfs, labels: &labels { a: b } }
  two: *nfs
  three: { labels: *labels }
`;
  const { volumes } = onlyContext(text);
  assert.deepEqual(volumes.get("two"), { ...volumes.get("one"), name: "two" });
  assert.deepEqual(volumes.get("three")?.labels, { a: "b" });
});

test("an alias may be a key, and means the last anchor of its name before it", () => {
  const { volumes } = onlyContext(
    "volumes: { aa: { labels: { x: &n bb, y: &n cc } }, *n : { driver: *n } }",
  );
  assert.equal(volumes.get("cc")?.driver, "cc");
});

test("an anchor may be in a section of another tool", () => {
  const { volumes } = onlyContext("sops: { a: &v { driver: nfs } }\nvolumes: { data: *v }");
  assert.equal(volumes.get("data")?.driver, "nfs");
});

test("a merge key brings in what a map does not say itself", () => {
  const text = `
volumes:
  base: &base { driver: nfs, labels: { a: "1" } }
  more: &more { driver: cifs, driver_opts: { o: ro } }
  own: { labels: { b: "2" }, <<: *base }
  both: { <<: [*base, *more] }
  inline: { <<: { driver: x } }
`;
  const { volumes } = onlyContext(text);
  assert.deepEqual(volumes.get("own"), {
    ...PLAIN,
    name: "own",
    driver: "nfs",
    labels: { b: "2" },
  });
  assert.deepEqual(volumes.get("both"), {
    ...PLAIN,
    name: "both",
    driver: "nfs",
    driverOpts: { o: "ro" },
    labels: { a: "1" },
  });
  assert.equal(volumes.get("inline")?.driver, "x");
});

test("a merge key works for volumes and contexts too, and in quotes it is text", () => {
  const manifest = manifestOf(
    "contexts: { aa: &a { volumes: &v { data: } }, bb: *a, cc: { volumes: { <<: *v, more: } } }",
  );
  assert.deepEqual(
    manifest.contexts.map(({ volumes }) => [...volumes.keys()].toSorted()),
    [["data"], ["data"], ["data", "more"]],
  );
  assert.deepEqual(labelsOf("{ '<<': x }"), { "<<": "x" });
});

test("the sections of other tools take any content and are listed in the order of the file", () => {
  const text = `
sops: [1, { a: 1, a: 2 }, !vault x, *nowhere]
applications: !custom { ? [x] : y, \${X}: z }
contexts:
  default: { networks: ~, secrets: text, volumes: { data: } }
deployments: 1
discovery: x
conventions: { enabled: true }
environment: |
  anything
stacks: text
filesets: [text]
networks:
`;
  const { manifest, warnings } = parse(text);
  assert.deepEqual(manifest.unmanagedSections, [
    "sops",
    "applications",
    "networks",
    "secrets",
    "deployments",
    "discovery",
    "conventions",
    "environment",
    "stacks",
    "filesets",
  ]);
  assert.deepEqual(warnings, []);
});

test("very many volumes are read in a moment", { timeout: 60_000 }, () => {
  const names = Array.from({ length: 20_000 }, (_, at) => `volume-${at}`);
  const { volumes } = onlyContext(`volumes:\n${names.map((name) => `  ${name}:\n`).join("")}`);
  assert.equal(volumes.size, names.length);
});

test("what is wanted of a volume's snapshots", () => {
  const policy = (snapshot: string, env: Env = {}): VolumeSpec["snapshot"] => {
    const volumes = `volumes: { data: { snapshot: ${snapshot} } }`;
    const [first, second] = [volumes, `contexts: { default: { ${volumes} } }`].map(
      (text) => onlyContext(text, env).volumes.get("data")?.snapshot,
    );
    assert.deepEqual(first, second);
    return first;
  };
  const day = { text: "1d", milliseconds: 86_400_000 };
  assert.deepEqual(
    policy(
      "{ every: 1d, keep: { last: 3, hourly: 24, daily: 7, weekly: 5, monthly: 12, yearly: 10, within: 1y5m7d2h, note: '^keep' } }",
    ),
    {
      every: day,
      keep: {
        last: 3,
        hourly: 24,
        daily: 7,
        weekly: 5,
        monthly: 12,
        yearly: 10,
        within: "1y5m7d2h",
        note: "^keep",
      },
    },
  );
  assert.deepEqual(policy("{ every: never }"), { every: "never" });
  assert.deepEqual(policy("{ keep: { daily: '${DAYS}' } }", { DAYS: "7" }), { keep: { daily: 7 } });
  assert.deepEqual(policy("{ keep: {} }"), { keep: {} });
  for (const nothing of ["", "{}", "{ keep: }"]) assert.equal(policy(nothing), undefined);
});
