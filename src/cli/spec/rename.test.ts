import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cp, glob, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { CommandUnknownOpts } from "@commander-js/extra-typings";
import { addCommands } from "../routes/all.ts";
import { rootSpec } from "./root.ts";

const ROOT = join(import.meta.dirname, "../../..");

test("a flag that is renamed in its spec alone does not compile, whichever it is", async () => {
  let left = new Set(flags(program()));
  // The compiler lists only the first few of the properties that are missing at one place.
  while (left.size > 0) {
    const errors = await errorsWithOtherFlags(left);
    const unnoticed = [...left].filter((flag) => !isNamed(flag, errors));
    assert.ok(unnoticed.length < left.size, `nobody misses ${unnoticed.join(", ")}`);
    left = new Set(unnoticed);
  }
});

/** What the compiler says of the sources in which these flags have other names. */
async function errorsWithOtherFlags(renamed: ReadonlySet<string>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "dockform-rename-"));
  try {
    await copySources(folder);
    for await (const path of glob(join(folder, "src/cli/spec/*.ts"))) {
      const text = await readFile(path, "utf8");
      const other = text.replaceAll(/"((?:-\w, )?--(?:no-)?)([a-z-]+)/g, (same, dashes, flag) =>
        renamed.has(flag) ? `"${dashes}other-${flag}` : same,
      );
      await writeFile(path, other);
    }
    return spawnSync(join(ROOT, "node_modules/.bin/tsc"), ["--noEmit"], {
      cwd: folder,
      encoding: "utf8",
    }).stdout;
  } finally {
    await rm(folder, { recursive: true });
  }
}

async function copySources(folder: string): Promise<void> {
  await cp(join(ROOT, "src"), join(folder, "src"), { recursive: true });
  for (const name of ["node_modules", "package.json"]) {
    await symlink(join(ROOT, name), join(folder, name));
  }
  const config: object = JSON.parse(await readFile(join(ROOT, "tsconfig.json"), "utf8"));
  const own = JSON.stringify({ ...config, include: ["src/main.ts"] });
  await writeFile(join(folder, "tsconfig.json"), own);
}

/** As one property, or in a list of those that are missing. */
function isNamed(flag: string, errors: string): boolean {
  const property = flag.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return new RegExp(`(property|Property) '${property}'|missing .*: (\\w+, )*${property}\\b`).test(
    errors,
  );
}

function program(): CommandUnknownOpts {
  const root = rootSpec();
  addCommands(root, () => assert.fail("no command is run"));
  return root;
}

/** All flags without their dashes: `stop-containers`. */
function flags(command: CommandUnknownOpts): readonly string[] {
  const own = command.options.map((option) => option.name().replace(/^no-/, ""));
  return [...own.filter((name) => name !== "version"), ...command.commands.flatMap(flags)];
}
