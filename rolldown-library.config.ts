import { defineConfig } from "rolldown";
import { joinHelperScript } from "./rolldown.plugins.ts";

/**
 * The library: src/index.ts with its dependencies in one file, beside the chunks of the program and the script that both
 * read. A build of its own, so that no chunk of the program is cut otherwise for its sake and starts later. An ES module:
 * of a CommonJS one with other packages inside, Node.js would take what those export for exports of this one.
 */
export default defineConfig({
  input: "src/index.ts",
  platform: "node",
  output: {
    dir: "dist",
    format: "esm",
    entryFileNames: "[name].mjs",
    codeSplitting: false,
  },
  plugins: [joinHelperScript()],
});
