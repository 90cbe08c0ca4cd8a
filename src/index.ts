import { homedir, machine, tmpdir } from "node:os";
import { resolve } from "node:path";
import type { Dockform, OpenOptions } from "./library/api.ts";
import { OpenedDockform } from "./library/opened.ts";
import { clientName, runsHere } from "./process-edge.ts";

export { DockformError, type Advice, type ErrorCode } from "./errors.ts";
export type { OperationEvent, Phase } from "./events.ts";
export type { ErrorKind } from "./error-codes/entry.ts";
export type * from "./library/api.ts";

/**
 * Opens dockform for a program, as the command line opens it for a person.
 *
 * ```ts
 * await using dockform = await openDockform({ store: "/srv/snapshots" });
 * const { archive } = await dockform.snapshot("myapp_data", { note: "before the upgrade" });
 * ```
 *
 * No engine is asked before a call needs it. Nothing is done with signals of the process: to have Ctrl-C end
 * calls as it should, hand in an AbortSignal.
 *
 * @throws DockformError of kind `manifest` where the manifest is not valid.
 */
export async function openDockform(options: OpenOptions = {}): Promise<Dockform> {
  return await OpenedDockform.open(options, {
    env: options.env ?? process.env,
    insecure: options.insecure ?? false,
    cwd: resolve(options.folder ?? "."),
    homeFolder: homedir(),
    temporaryFolder: tmpdir(),
    platform: process.platform,
    machine: machine(),
    clientName,
    runsHere,
  });
}
