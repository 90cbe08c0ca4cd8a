import type { Plugin } from "rolldown";
import { joinedScript } from "./src/helper/script/join.ts";

/** The helper's script is one file to read, too. */
export function joinHelperScript(): Plugin {
  const fileName = "helper.sh";
  return {
    name: "join-helper-script",
    load: (id) =>
      id.endsWith("/src/helper/script/join.ts")
        ? `import { readFileSync } from "node:fs";
           export const joinedScript = () =>
             readFileSync(new URL("./${fileName}", import.meta.url), "utf8");`
        : undefined,
    generateBundle() {
      this.emitFile({ type: "asset", fileName, source: joinedScript() });
    },
  };
}
