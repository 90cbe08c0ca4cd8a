/** Client and script agree by spelling: these tests fail where one side changes alone. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { FACTS, FAMILIES, SIGNALS, VERBS } from "./protocol.ts";
import { helperScript } from "./script.ts";

const FOLDER = import.meta.dirname;
/** The forms in which the script's files say a fact; each has the fact's name, or the beginning of a family's. */
const FORMS: readonly RegExp[] = [
  /\breply[ (]["']?([a-z][a-z_]*)/g,
  /\binform\((?:sprintf )?['"]([a-z_]+)/g,
  /\$ENV\{DOCKFORM_MARK\} ([a-z_]+)/g,
  /ENVIRON\["DOCKFORM_MARK"\],? " ?([a-z_]+)/g,
  /"%s ([a-z_]+)%s %d\\n", ENVIRON/g,
];
/** Where the name comes from elsewhere: of these forms. */
const NAMED_ELSEWHERE: readonly RegExp[] = [
  /for what in ([a-z ]+); do\s+line=/g,
  /^\t{3}print "([a-z_]+)",/gm,
  /^\t{3}printf "([a-z_]+) %/gm,
];
const OTHERS =
  /^(?:reply\(\) \{|sub (?:reply|inform)\b.*|\s+print STDERR "\$ENV\{DOCKFORM_MARK\} @_\\n";|\s+printf '%s %s\\n' "\$DOCKFORM_MARK" "\$\*" >&2|\s+reply \$what "\$line"|\s+reply "\$kind" "\$count"|\s*while read -r kind count; do reply "\$kind" "\$count"; done.*)$/;

function texts(folder: string, ...extensions: readonly string[]): readonly string[] {
  return readdirSync(folder)
    .filter((name) => extensions.some((each) => name.endsWith(each)))
    .map((name) => readFileSync(join(folder, name), "utf8"));
}

const script = texts(join(FOLDER, "script"), ".sh", ".pl").map((text) =>
  text.replaceAll(/^\s*#.*$/gm, ""),
);
const client = readdirSync(FOLDER)
  .filter((name) => name.endsWith(".ts") && !/^protocol|\.test\.ts$/.test(name))
  .map((name) => readFileSync(join(FOLDER, name), "utf8"))
  .join("\n");

function saidByScript(): ReadonlySet<string> {
  const found = script.flatMap((text) =>
    [...FORMS, ...NAMED_ELSEWHERE].flatMap((form) =>
      [...text.matchAll(form)].flatMap(([, names = ""]) => names.split(" ")),
    ),
  );
  return new Set(found);
}

test("the script serves the verbs that the client has, and each is a function of it", () => {
  const all = script.join("\n");
  const served = /^ask\(\) \{\n\tcase \S+ in\n([^)]*)\)/m.exec(all)?.[1] ?? "";
  assert.deepEqual(served.match(/\w+/g)?.toSorted(), VERBS.toSorted());
  for (const verb of VERBS) assert.match(all, new RegExp(`^${verb}\\(\\) \\{$`, "m"));
});

test("the client has a method for each verb", () => {
  const asked = [...client.matchAll(/\["([a-z_]+)"[,\]]/g)].map(([, verb]) => verb);
  for (const verb of VERBS) assert.ok(asked.includes(verb), verb);
});

test("every place in which the script says a fact has a form that is known here", () => {
  for (const line of script.join("\n").split("\n")) {
    if (!/\breply\b(?!_)|\binform\b|DOCKFORM_MARK/.test(line) || OTHERS.test(line)) continue;
    assert.ok(
      FORMS.some((form) => line.search(form) !== -1),
      line,
    );
  }
});

test("the script says the facts that the client knows, and no other", () => {
  const families = FAMILIES.map((family) => `${family}_`);
  assert.deepEqual([...saidByScript()].toSorted(), [...FACTS, ...families, ...SIGNALS].toSorted());
});

test("the client reads every fact", () => {
  for (const fact of [...FACTS, ...SIGNALS]) assert.ok(client.includes(`"${fact}"`), fact);
  for (const family of FAMILIES) {
    assert.ok(client.includes(`"${family}")`) || client.includes(`\`${family}_$`), family);
  }
});

test("the tools that the script asks for are in an image of this machine's tools", () => {
  const asked = /for tool in (awk [a-z ]+); do/.exec(script.join("\n"))?.[1] ?? "";
  const packed = /NEEDED_TOOLS =\s+"([a-z ]+)"/.exec(client)?.[1]?.split(" ") ?? [];
  assert.deepEqual(
    asked.split(" ").filter((tool) => !packed.includes(tool)),
    [],
  );
  const others = packed.filter((tool) => !asked.includes(tool));
  const isCalled = (tool: string): boolean => script.some((text) => text.includes(`${tool} `));
  assert.deepEqual(
    others.filter((tool) => !isCalled(tool)),
    [],
    "an image needs no more",
  );
});

test("the script leaves room in the argument that it travels as", () => {
  assert.ok(Buffer.byteLength(helperScript()) < 100_000);
});

test("no file of the script is longer than those of TypeScript may be", () => {
  for (const text of texts(join(FOLDER, "script"), ".sh", ".pl")) {
    assert.ok(text.split("\n").length <= 400, text.slice(0, 80));
  }
});
