import { after } from "node:test";
import { canStartPrivateEngine, startPrivateEngine } from "./private-engine.ts";

/** An engine for one test file alone. */
export interface OwnEngine {
  readonly host: string;
  /** Why the file's tests are skipped. */
  readonly skip: string | false;
}

/** For a file whose tests look at all that an engine has: on one that is shared other tests have theirs. */
export async function ownEngine(): Promise<OwnEngine> {
  if (!canStartPrivateEngine()) {
    return { host: "", skip: "a private engine needs root on Linux" };
  }
  const engine = await startPrivateEngine();
  after(() => engine.stop());
  return { host: engine.host, skip: false };
}
