/**
 * Writes docs/api.md: all that a program which imports dockform can see, to be looked at whenever it changes. With
 * `--check` it writes nothing and exits with 1 when the page is stale.
 */
import { libraryDeclarations } from "./declarations.ts";
import { writeOrCheck } from "./generated.ts";

const PAGE = `# The library

\`\`\`ts
import { openDockform } from "dockform";
\`\`\`

What the command line does to volumes and snapshots, a program can do as well: on the same stores, under the same locks,
with the same refusals. [examples/library.ts](examples/library.ts) takes a snapshot, restores it and goes back; it is run
by the tests. Errors are \`DockformError\`s; [errors.md](errors.md) has their codes. What to do next is said in \`hint\`, and
where that depends on how dockform is called, as codes in \`advice\`.

This page is written by \`npm run api\` from the declarations of the package. Any change of it is one that users see.
`;

const declarations = libraryDeclarations();

writeOrCheck(
  "docs/api.md",
  [
    PAGE,
    section("openDockform", "index.d.ts"),
    section("Dockform, its options, results and events", "library/api.d.ts"),
    section("Phases", "events.d.ts", (text) => !text.includes("type Emit")),
    section("Errors", "errors.d.ts", (text) => !text.includes("function ")),
    section("Advice", "advice.d.ts"),
    section("Kinds of errors", "error-codes/entry.d.ts", (text) => text.includes("ErrorKind =")),
  ].join("\n"),
);

/** The declarations of a file that are wanted, without what it imports. */
function section(
  title: string,
  path: string,
  isWanted: (declaration: string) => boolean = () => true,
): string {
  const text = declarations.get(path);
  if (text === undefined) throw new Error(`the library has no declarations in ${path}`);
  const parts = text
    .split(/^(?=\/\*\*|export|import)/m)
    .reduce<readonly string[]>(withComment, [])
    .filter((part) => !/^(import|export (type )?[{*])/m.test(part) && isWanted(part));
  return `## ${title}\n\n\`\`\`ts\n${parts.join("").trim()}\n\`\`\`\n`;
}

/** A comment belongs to what it stands before. */
function withComment(parts: readonly string[], part: string): readonly string[] {
  const last = parts.at(-1);
  const isComment = last?.startsWith("/**") === true && !/^(export|import)/m.test(last);
  return isComment ? [...parts.slice(0, -1), last + part] : [...parts, part];
}
