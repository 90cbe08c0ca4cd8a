import { scriptSettings } from "./protocol.ts";
import { joinedScript } from "./script/join.ts";

/** The programs of awk have dollars of their own. */
const HEAD = "#!/bin/sh\n# shellcheck disable=SC2016\n";

/** What the helper's container runs. All of it travels as one argument, for which Linux allows 131,072 bytes. */
export function helperScript(): string {
  return `${HEAD}${scriptSettings()}\n${joinedScript()}`;
}
