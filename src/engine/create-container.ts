import type { Log } from "../log.ts";
import type { EngineClient } from "./client.ts";
import { createContainer } from "./containers.ts";

/** How long an answer is waited for after an interruption. */
const ANSWER_TIMEOUT_MS = 30_000;

/**
 * Creates a container and returns its id. An interruption waits for the engine's answer, since a container whose
 * id nobody knows would stay behind, but not for ever.
 *
 * @throws EngineApiError as `createContainer` does; the signal's reason when there is no answer.
 */
export async function createContainerSurely(
  engine: EngineClient,
  name: string,
  definition: Readonly<Record<string, unknown>>,
  { log, signal }: { readonly log: Log; readonly signal: AbortSignal },
): Promise<string> {
  signal.throwIfAborted();
  const abandoned = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const limit = (): void => {
    timer = setTimeout(() => abandoned.abort(signal.reason), ANSWER_TIMEOUT_MS);
  };
  signal.addEventListener("abort", limit, { once: true });
  try {
    return await createContainer(engine, name, definition, abandoned.signal);
  } catch (error) {
    if (abandoned.signal.aborted) {
      log.warn(
        `the engine does not say whether it made the container ${name}: look for it in \`docker ps --all\`, and remove it`,
      );
    }
    throw error;
  } finally {
    signal.removeEventListener("abort", limit);
    clearTimeout(timer);
  }
}
