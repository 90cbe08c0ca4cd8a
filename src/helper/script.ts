import { joinedScript } from "./script/join.ts";

/** What the helper's container runs. All of it travels as one argument, for which Linux allows 131,072 bytes. */
export function helperScript(): string {
  return joinedScript();
}
