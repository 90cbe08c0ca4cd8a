import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { defineConfig, type Plugin } from "rolldown";
import { joinHelperScript } from "./rolldown.plugins.ts";

/**
 * The published program: src/main.ts with its dependencies, a chunk for what every command needs and
 * one for each command. One file to read instead of many, and nothing for npm to resolve, makes it
 * start faster than with its dependencies installed beside it. CommonJS, since importing a module of
 * Node.js into an ES module loads all that the module would load on demand: a third of the start. The
 * chunks stay in one folder, where the code that reads helper.sh finds that beside itself.
 */
export default defineConfig({
  input: "src/main.ts",
  platform: "node",
  output: {
    dir: "dist",
    format: "cjs",
    entryFileNames: "[name].cjs",
    chunkFileNames: "[name].cjs",
    cleanDir: true,
  },
  plugins: [withoutSubprocesses(), joinHelperScript(), addLicenses()],
});

/** Commander loads this for commands that are programs of their own, which ours are not: 12 ms of a start. */
function withoutSubprocesses(): Plugin {
  return {
    name: "without-subprocesses",
    resolveId: (id, importer) =>
      id === "node:child_process" && importer?.includes("/node_modules/commander/") === true
        ? "\0no-subprocesses"
        : undefined,
    load: (id) => (id === "\0no-subprocesses" ? "export default {};" : undefined),
  };
}

/** The licenses of the packages in the bundle ask for being passed on with it. */
function addLicenses(): Plugin {
  return {
    name: "add-licenses",
    async generateBundle(_options, bundle) {
      const packages = new Set<string>();
      for (const chunk of Object.values(bundle)) {
        if (chunk.type !== "chunk") continue;
        for (const module of chunk.moduleIds) {
          const name = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(module)?.[1];
          if (name !== undefined) packages.add(name);
        }
      }
      const texts = [...packages].toSorted().map(licenseOf);
      const source = (await Promise.all(texts)).join("\n\n");
      this.emitFile({ type: "asset", fileName: "LICENSES.txt", source });
    },
  };
}

async function licenseOf(name: string): Promise<string> {
  for (const file of ["LICENSE", "LICENSE.md"]) {
    const text = await readFile(join("node_modules", name, file), "utf8").catch(() => undefined);
    if (text !== undefined) return `${name}\n\n${text.trim()}`;
  }
  throw new Error(`${name} has no license file to pass on`);
}
