import assert from "node:assert/strict";
import { test } from "node:test";
import { parseManifest } from "./parse.ts";
import { errorOf, mistakes } from "../../test/fixtures/mistakes.ts";

const VOLUME_NAME = "is not a volume name ([a-zA-Z0-9][a-zA-Z0-9_.-]+)";

const CONTEXT_NAME = "is not a context name ([a-zA-Z0-9][a-zA-Z0-9_.+-]+)";

test("the message shows where the mistake is and what was probably meant", () => {
  const error = errorOf("# one\n\n  # two\nvolums:\n  data:\n");
  assert.equal(
    error.message,
    [
      'dockform.yml:4:1: unknown key "volums"; did you mean "volumes"?',
      "  4 | volums:",
      "    | ^^^^^^",
    ].join("\n"),
  );
  assert.deepEqual(error.data["problems"], [
    {
      line: 4,
      column: 1,
      message: 'unknown key "volums"; did you mean "volumes"?',
      text: "volums",
      suggestion: "volumes",
    },
  ]);
});

test("all mistakes are reported, in the order of the file", () => {
  const text = `services: {}
docker:
  contxt: default
  identifier: "a b"
volumes:
  a/b: {}
  data: { drivr: local, labels: [a], driver_opts: { o: [x] } }
  list: [x]
helper: { img: x, image: "" }
constructor: 1
`;
  assert.deepEqual(mistakes(text), [
    '1:1 unknown key "services" | services',
    '3:3 unknown key "contxt"; did you mean "context"? | contxt',
    '4:15 "a b" is not an identifier: it must have no spaces and not be empty | "a b"',
    `6:3 "a/b" ${VOLUME_NAME} | a/b`,
    '7:11 unknown key "drivr"; did you mean "driver"? | drivr',
    '7:33 "labels" must be a map, not a list | [a]',
    '7:56 "o" must be text, a number or a boolean, not a list | [x]',
    '8:9 "list" must be a map, not a list | [x]',
    '9:11 unknown key "img" | img',
    '9:26 "" is not an image name | ""',
    '10:1 unknown key "constructor" | constructor',
  ]);
  assert.match(errorOf(text).message, /^11 problems in dockform\.yml\n/);
});

test("unknown keys inside a context, and near misses of other tools' sections", () => {
  assert.deepEqual(mistakes("contexts: { default: { hosts: x, identifier: y } }\nnetwork: 1"), [
    '1:24 unknown key "hosts"; did you mean "host"? | hosts',
    '1:34 unknown key "identifier" | identifier',
    '2:1 unknown key "network"; did you mean "networks"? | network',
  ]);
});

test("volume names follow the engine's rule", () => {
  for (const name of ["a", "_a", ".a", "-ab", "a b", "ä1", "a:b", "a+b", "''", '"a\\n"']) {
    const [mistake, ...others] = mistakes(`volumes:\n  ${name}: {}\n`);
    assert.ok(mistake?.includes(VOLUME_NAME), mistake);
    assert.deepEqual(others, []);
  }
});

test("context names follow the docker command's rule", () => {
  assert.deepEqual(mistakes("contexts: { a: , b/c: , ok+1: }"), [
    `1:13 "a" ${CONTEXT_NAME} | a`,
    `1:18 "b/c" ${CONTEXT_NAME} | b/c`,
  ]);
  assert.deepEqual(mistakes("docker: { context: a b }"), [`1:20 "a b" ${CONTEXT_NAME} | a b`]);
});

test("a host must be an address the engine client knows", () => {
  const accepted = [
    "unix:///x",
    "tcp://x:1",
    "ssh://me@x",
    "npipe:////./x",
    "http://x",
    "https://x",
  ];
  for (const host of accepted) {
    parseManifest(`contexts: { aa: { host: "${host}" } }`, { file: "f", env: {} });
  }
  for (const host of ["x", "ftp://x", "ssh:/x", "ssh://", "ssh://a b", " ssh://x", "SSH://x"]) {
    assert.deepEqual(mistakes(`contexts: { aa: { host: "${host}" } }`), [
      `1:25 "${host}" is not an address; accepted are unix://, tcp://, ssh://, npipe://, http:// and https:// | "${host}"`,
    ]);
  }
});

test("an identifier has no white space or control characters", () => {
  for (const text of [
    '""',
    '"a b"',
    '"a\\tb"',
    '"a\\n"',
    '"\\a"',
    '"\\x7f"',
    '"a\\u00a0"',
    '"\\u2028"',
  ]) {
    const [mistake] = mistakes(`identifier: ${text}`);
    assert.match(mistake ?? "", /^1:13 ".*" is not an identifier/);
  }
  assert.deepEqual(mistakes("identifier:"), ['1:1 "identifier" must not be empty | identifier']);
});

test("a value of the wrong kind", () => {
  assert.deepEqual(
    mistakes(`volumes: text
helper: 5
docker: { context: , identifier: {} }
`),
    [
      '1:10 "volumes" must be a map, not text | text',
      '2:9 "helper" must be a map, not a number or a boolean | 5',
      '3:11 "context" must not be empty | context',
      '3:34 "identifier" must be text, a number or a boolean, not a map | {}',
    ],
  );
  assert.deepEqual(mistakes("volumes: { data: { driver: 5 } }"), [
    '1:28 "driver" must be text; put it in quotes | 5',
  ]);
});

test("docker and contexts together", () => {
  assert.deepEqual(mistakes("docker: { context: aa }\ncontexts: { bb: }"), [
    '1:1 "docker" and "contexts" exclude each other; choose one | docker',
  ]);
});

test("volumes beside contexts", () => {
  assert.deepEqual(mistakes("contexts: { aa: }\nvolumes: { bb: }"), [
    '2:1 "volumes" cannot stand beside "contexts"; move it under a context | volumes',
  ]);
});

test("an identifier that is given twice", () => {
  assert.deepEqual(mistakes("identifier: a\ndocker: { identifier: a }"), [
    '2:11 "identifier" is given twice; keep the one at the top level | identifier',
  ]);
});

test("contexts without a context", () => {
  assert.deepEqual(mistakes("contexts: {}"), ['1:11 "contexts" must not be empty | {}']);
  assert.deepEqual(mistakes("contexts:"), ['1:1 "contexts" must not be empty | contexts']);
});

test("duplicate keys, also when they become equal by interpolation", () => {
  assert.deepEqual(mistakes("volumes:\n  data:\n  data: { driver: x }\n"), [
    '3:3 duplicate key "data"; it is on line 2 | data',
  ]);
  assert.deepEqual(mistakes("volumes:\n  data:\n  '${NAME}':\n", { NAME: "data" }), [
    "3:3 duplicate key \"data\"; it is on line 2 | '${NAME}'",
  ]);
  assert.deepEqual(mistakes("volumes:\nvolumes:\n"), [
    '2:1 duplicate key "volumes"; it is on line 1 | volumes',
  ]);
  assert.deepEqual(mistakes("filesets:\n  aa:\n  aa:\n"), [
    '3:3 duplicate key "aa"; it is on line 2 | aa',
  ]);
});

test("an unset variable behind a mistake is named in the hint", () => {
  const error = errorOf("volumes: { '${A}${B}': }");
  assert.match(error.message, /"" is not a volume name/);
  assert.equal(error.hint, "Not set in the environment: A, B.");
  assert.equal(errorOf("volums:").hint, undefined);
});

test("a file without content, and a top level that is not a map", () => {
  for (const text of ["", "\n\n", "# nothing\n", "---\n", "---\n# x\n...\n", "%YAML 1.2\n"]) {
    assert.deepEqual(mistakes(text), ["1:1 the manifest is empty | "]);
  }
  assert.equal(errorOf("# x").message, "dockform.yml:1:1: the manifest is empty");
  assert.deepEqual(mistakes("- a\n- b\n"), ["1:1 the manifest must be a map, not a list | - a"]);
  assert.deepEqual(mistakes("\nvolumes\n"), ["2:1 the manifest must be a map, not text | volumes"]);
  assert.deepEqual(mistakes("~"), ["1:1 the manifest must not be empty | ~"]);
});

test("several documents", () => {
  assert.deepEqual(mistakes("volums:\n---\nvolumes:\n"), [
    '1:1 unknown key "volums"; did you mean "volumes"? | volums',
    "2:1 a second document starts here; a manifest is a single document | ---",
  ]);
});

test("what is not YAML is said in plain words", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["volumes:\n\tdata:\n", "2:1 a tab cannot indent; use spaces | \t"],
    ["volumes: @x\n", '1:10 text cannot start with "@"; put it in quotes | @'],
    ["volumes:\n  data\n  more:\n", '2:3 a ": " is missing after this key | data'],
    ["volumes:\n  more:\n  data\n", '3:3 a ": " is missing after this key | data'],
    ["helper: { image: 'x }\nvolumes:\n", "1:18 this text has no closing ' | 'x }"],
    [
      "helper: { 'image': 'x' }\nidentifier: \"y\nvolumes:\n",
      '2:13 this text has no closing " | "y',
    ],
    ["volumes:\n  'data:\n  more:\n", "2:3 this text has no closing ' | 'data:"],
    ["helper: { image: x\nvolumes:\n", "2:1 a closing } is missing before this | v"],
    ["helper: { image: [x\n", "1:19 a closing ] is missing before this | x"],
    [
      "helper: x: y\n",
      "1:9 a map cannot start here; indent it under its key, or put the text in quotes | x",
    ],
    [
      "volumes:\n  aa:\n # x\n bb:\n",
      "4:2 this key is not indented like the other keys of its map | b",
    ],
    ["volumes: {} }\n", '1:13 unexpected "}" | }'],
    ['identifier: "\\q"\n', "1:14 invalid escape sequence \\q | \\"],
    ["identifier: !e!x y\n", '1:13 the tag "!e!x" has no meaning here | !e!x'],
    ["identifier: &a &b x\n", "1:16 a node can have at most one anchor | &b"],
  ];
  for (const [text, expected] of cases) assert.deepEqual(mistakes(text), [expected]);
});

test("mistakes before the first place that is not YAML are reported with it", () => {
  assert.deepEqual(mistakes("volums:\n  data:\nhelper:\n\timage: x\n\tx: y\nvolum: 1\n"), [
    '1:1 unknown key "volums"; did you mean "volumes"? | volums',
    "4:1 a tab cannot indent; use spaces | \t",
    "5:1 a tab cannot indent; use spaces | \t",
  ]);
});

test("mistakes that do not follow from each other are reported together", () => {
  const text = "volumes:\n  data\n  more:\ndocker:\n  context\n  identifier: x\nhelper: @x\n";
  assert.deepEqual(mistakes(text), [
    '2:3 a ": " is missing after this key | data',
    '5:3 a ": " is missing after this key | context',
    '7:9 text cannot start with "@"; put it in quotes | @',
  ]);
});

test("what follows from a first error is not reported", () => {
  assert.deepEqual(mistakes("helper: { image: [x, y }\nvolumes: }\n"), [
    "1:24 a closing ] is missing before this | }",
  ]);
});

test("an unknown tag in what is read, but not in the sections of other tools", () => {
  assert.deepEqual(mistakes("volumes: !x { data: !!binary aGk= }\nsecrets: !y z\n"), [
    '1:10 the tag "!x" has no meaning here | !x',
    '1:21 the tag "!!binary" has no meaning here | !!binary',
    '1:30 "data" must be a map, not text | aGk=',
  ]);
});

test("a key that is not text", () => {
  assert.deepEqual(mistakes("volumes: { [a]: , ? { b: c } : }"), [
    "1:12 a key must be text | [a]",
    "1:21 a key must be text | { b: c }",
  ]);
});

test("what is wrong with the wishes for snapshots is said where it is", () => {
  const number = "is not a number of snapshots: a whole number from 1 on";
  const interval = 'is not an interval: numbers with h, d or w, such as 36h, 1d or 2w; or "never"';
  const duration =
    "is not a duration: numbers with y, m (months), w, d or h, each once, such as 30d or 1y6m";
  const text = `volumes:
  aa: { snapshot: { evry: 1d, every: 30m, kep: {} } }
  bb: { snapshot: { every: , keep: { last: 0, dayly: 3, weekly: x, within: 30 } } }
  cc: { snapshot: daily }
  dd: { snapshot: { every: [1d], keep: { hourly: {}, monthly: , yearly: 1.5, within: 1d1d } } }
  ee: { snapshots: , snapshot: { keep: { note: "(" } } }
`;
  const expected = [
    '2:21 unknown key "evry"; did you mean "every"? | evry',
    `2:38 "30m" ${interval} | 30m`,
    '2:43 unknown key "kep"; did you mean "keep"? | kep',
    '3:21 "every" must not be empty | every',
    `3:44 "0" ${number} | 0`,
    '3:47 unknown key "dayly"; did you mean "daily"? | dayly',
    `3:65 "x" ${number} | x`,
    `3:76 "30" ${duration} | 30`,
    '4:19 "snapshot" must be a map, not text | daily',
    '5:28 "every" must be text, a number or a boolean, not a list | [1d]',
    '5:50 "hourly" must be text, a number or a boolean, not a map | {}',
    '5:54 "monthly" must not be empty | monthly',
    `5:73 "1.5" ${number} | 1.5`,
    `5:86 "1d1d" ${duration} | 1d1d`,
    '6:9 unknown key "snapshots"; did you mean "snapshot"? | snapshots',
    '6:48 "note" is not a regular expression | "("',
  ];
  assert.deepEqual(mistakes(text), expected);
  const inContexts = `contexts:\n  default:\n${text.replaceAll(/^/gm, "    ").trimEnd()}\n`;
  const moved = expected.map((line) =>
    line.replace(/^(\d+):(\d+)/, (_, row, column) => `${Number(row) + 2}:${Number(column) + 4}`),
  );
  assert.deepEqual(mistakes(inContexts), moved);
});

test("what may come to name another kind of store is not taken for a folder", () => {
  for (const text of ["backups", "s3://bucket/path", "~/snapshots", "backups/docker", ".hidden"]) {
    assert.deepEqual(mistakes(`store: ${text}\n`), [
      `1:8 "${text}" is not a folder: it must begin with / or ./ or ../ | ${text}`,
    ]);
  }
  assert.match(mistakes("contexts: { a: { store: ./b } }\n").join(), /unknown key "store"/);
});

test("a helper's capabilities are a list of those that serve it", () => {
  const only = "is not a capability that serves a helper; SYS_ADMIN is the only one";
  assert.deepEqual(mistakes("helper: { capabilities: SYS_ADMIN }\n"), [
    '1:25 "capabilities" must be a list, not text | SYS_ADMIN',
  ]);
  assert.deepEqual(mistakes("helper:\n  capabilities:\n    - SYS_ADMIN\n    - NET_RAW\n"), [
    `4:7 "NET_RAW" ${only} | NET_RAW`,
  ]);
  const text = "helper: { capabilities: [SYS_ADMIN, SYS_ADMIN] }\n";
  const { manifest } = parseManifest(text, { file: "dockform.yml", env: {} });
  assert.deepEqual(manifest.helperCapabilities, ["SYS_ADMIN"]);
});
