import assert from "node:assert/strict";
import { test } from "node:test";
import { DockformError } from "../errors.ts";
import { parseManifest } from "./parse.ts";

/** The volumes of each context, those of filesets with an asterisk. */
function declared(text: string, env: Readonly<Record<string, string>> = {}): unknown {
  const { manifest } = parseManifest(text, { file: "dockform.yml", env });
  return Object.fromEntries(
    manifest.contexts.map(({ name, volumes }) => [
      name ?? "-",
      [...volumes.values()].map((spec) => spec.name + (spec.declaredBy === "fileset" ? "*" : "")),
    ]),
  );
}

const TWO = "contexts: { default: , hetzner-two: { volumes: { data: } } }\n";

test("a fileset's target volume is a declared volume of the only context", () => {
  const text = `
docker: { context: default }
volumes: { data: { driver: nfs } }
filesets:
  site: { source: ./site, target_volume: web, exclude: ["\${NOT}", ".git/"] }
  default/x/y: { target_volume: data }
  other/x: { target_volume: more }
stacks:
  app: { filesets: { conf: { target_volume: conf } } }
`;
  assert.deepEqual(declared(text), { default: ["data", "web*", "more*", "conf*"] });
});

test("its target volume has the default driver", () => {
  const { manifest } = parseManifest("filesets: { a: { target_volume: web } }", {
    file: "f",
    env: {},
  });
  assert.deepEqual(manifest.contexts[0]?.volumes.get("web"), {
    name: "web",
    driver: "local",
    driverOpts: {},
    labels: {},
    declaredBy: "fileset",
  });
});

test("a key that begins with a declared context's name belongs to that context", () => {
  const text = `${TWO}filesets: { hetzner-two/web/conf: { target_volume: conf } }
stacks: { default/app: { root: x, filesets: { static: { target_volume: static } } } }
`;
  assert.deepEqual(declared(text), { default: ["static*"], "hetzner-two": ["data", "conf*"] });
});

test("any other key belongs to every context", () => {
  const text = `${TWO}filesets: { default: { target_volume: aa }, default-x/y: { target_volume: bb } }
stacks: { app: { filesets: { static: { target_volume: data } } } }
`;
  assert.deepEqual(declared(text), {
    default: ["aa*", "bb*", "data*"],
    "hetzner-two": ["data", "aa*", "bb*"],
  });
});

test("with a single context under contexts, every key belongs to it", () => {
  const text = "contexts: { remote: }\nfilesets: { default/web/conf: { target_volume: conf } }";
  assert.deepEqual(declared(text), { remote: ["conf*"] });
});

test("filesets inside a context belong to it, whatever their keys say", () => {
  const text = `
contexts:
  default:
    filesets: { hetzner-two/x: { target_volume: aa } }
    stacks: { web: { filesets: { conf: { target_volume: bb } } } }
  hetzner-two:
`;
  assert.deepEqual(declared(text), { default: ["aa*", "bb*"], "hetzner-two": [] });
});

test("the target volume is interpolated, and nothing else of a fileset is", () => {
  const text = "filesets: { '${KEY}': { target_volume: ${APP}_conf, source: ${SOURCE} } }";
  const { manifest, warnings } = parseManifest(text, { file: "f", env: { APP: "web" } });
  assert.deepEqual([...(manifest.contexts[0]?.volumes.keys() ?? [])], ["web_conf"]);
  assert.deepEqual(warnings, []);
});

test("keys of filesets and stacks are neither interpolated nor checked", () => {
  const text = `
filesets: { [x]: y, "\${A}": { [x]: y, "\${B}": z, target_volume: aa } }
stacks: { [x]: y, "\${C}": { [x]: y, "\${D}": z, filesets: { f: { target_volume: bb } } } }
`;
  const { manifest, warnings } = parseManifest(text, { file: "f", env: {} });
  assert.deepEqual([...(manifest.contexts[0]?.volumes.keys() ?? [])], ["aa", "bb"]);
  assert.deepEqual(warnings, []);
});

test("aliases and merge keys work in filesets", () => {
  const text = `
filesets:
  one: &base { target_volume: aa }
  two: { <<: *base, source: x }
  three: { target_volume: &n bb }
  four: *base
volumes: { cc: , *n : }
`;
  assert.deepEqual(declared(text), { "-": ["cc", "bb", "aa*"] });
});

test("filesets and stacks of another shape are passed over", () => {
  for (const section of ["[]", "x", "~", "{ a: x }", "{ a: [x] }", "{ a: { source: x } }", "*no"]) {
    const sections = `filesets: ${section}\nstacks: { b: ${section}, c: { filesets: ${section} } }`;
    assert.deepEqual(declared(sections), { "-": [] });
  }
});

test("a target volume that cannot be one is an error at its place", () => {
  const text = `filesets:
  aa: { target_volume: a/b }
  bb: { target_volume: }
  cc: { target_volume: [x] }
contexts: { dd: { stacks: { s: { filesets: { f: { target_volume: "\${UNSET}" } } } } } }
`;
  assert.throws(
    () => declared(text),
    (error) => {
      assert.ok(error instanceof DockformError);
      assert.deepEqual(error.data["problems"], [
        {
          line: 2,
          column: 24,
          message: '"a/b" is not a volume name ([a-zA-Z0-9][a-zA-Z0-9_.-]+)',
          text: "a/b",
        },
        { line: 3, column: 9, message: '"target_volume" must not be empty', text: "target_volume" },
        { line: 4, column: 24, message: '"target_volume" must be text, not a list', text: "[x]" },
        {
          line: 5,
          column: 66,
          message: '"" is not a volume name ([a-zA-Z0-9][a-zA-Z0-9_.-]+)',
          text: '"${UNSET}"',
        },
      ]);
      assert.equal(error.hint, "Not set in the environment: UNSET.");
      return true;
    },
  );
});
