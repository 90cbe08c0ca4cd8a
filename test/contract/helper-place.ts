import { randomBytes } from "node:crypto";
import { Helper } from "../../src/helper/helper.ts";
import type { HelperImage } from "../../src/helper/image.ts";
import type { EngineClient } from "../../src/engine/client.ts";
import { killContainer } from "../../src/engine/containers.ts";
import { fakeTools } from "../fakes/surroundings.ts";
import type { AgentPlace } from "./agent.ts";

/**
 * A helper on a volume of an engine.
 *
 * @param temporaryFolder where a folder can be shared with it; a folder that is not there has data go by exec.
 */
export async function helperPlace(
  engine: EngineClient,
  image: HelperImage,
  volume: string,
  temporaryFolder: string,
): Promise<AgentPlace> {
  const { log, signal } = fakeTools();
  const helper = await Helper.open(engine, image, {
    name: `dockform-test-${randomBytes(4).toString("hex")}`,
    operation: { name: "restore", volume, client: "a test", startedAt: "", staging: undefined },
    temporaryFolder,
    capabilities: [],
    log,
    signal,
  });
  return {
    agent: helper,
    kill: () => killContainer(engine, helper.containerId, signal),
    [Symbol.asyncDispose]: () => helper[Symbol.asyncDispose](),
  };
}
