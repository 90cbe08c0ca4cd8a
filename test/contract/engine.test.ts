import { randomBytes } from "node:crypto";
import { after } from "node:test";
import { EngineClient } from "../../src/engine/client.ts";
import { testEngine } from "../engine/test-engine.ts";
import { importBusybox } from "../images/busybox.ts";
import { cannotUnpackPackages } from "../images/packages.ts";
import { clearPlace } from "./engine-bench.ts";
import { engineContract } from "./engine.ts";

const engine = await testEngine();
/** The image is made of Debian's packages, which takes root. */
const skip = engine.skip || cannotUnpackPackages();
const image = skip === false ? await importBusybox(engine.host) : undefined;
after(() => image?.[Symbol.asyncDispose]());

engineContract(
  async () => {
    const clients: EngineClient[] = [];
    const connect = (): EngineClient => {
      const client = new EngineClient({ context: "default", host: engine.host });
      clients.push(client);
      return client;
    };
    const prefix = `dockform-test-${randomBytes(4).toString("hex")}`;
    return {
      connect,
      image: image?.reference ?? "",
      prefix,
      [Symbol.asyncDispose]: async () => {
        await clearPlace(connect(), prefix);
        for (const client of clients) client.close();
      },
    };
  },
  { skip },
);
