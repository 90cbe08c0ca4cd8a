/** Prints the helper's script in one piece, as it runs, for shellcheck. */
import { helperScript } from "../src/helper/script.ts";

process.stdout.write(helperScript());
