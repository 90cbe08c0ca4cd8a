import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { agentContract } from "../contract/agent.ts";
import { helperPlace } from "../contract/helper-place.ts";
import { FakeClient } from "./client.ts";
import { FakeEngine } from "./engine.ts";
import { LocalHelpers } from "./local-helper.ts";

const skip = process.platform !== "linux" && "the helper's script wants the tools of Linux";

agentContract(
  "a helper of this machine",
  async () => {
    const folder = await mkdtemp(join(tmpdir(), "dockform-local-"));
    const volume = join(folder, "volume");
    await mkdir(volume);
    await writeFile(join(volume, "file"), "text");
    const helpers = new LocalHelpers({ volume, folder });
    const engine = new FakeEngine(helpers.find);
    engine.createVolume("volume");
    const image = { reference: "helper:1", origin: "prepared earlier" } as const;
    const place = await helperPlace(new FakeClient(engine), image, "volume", "/no/such/folder");
    return {
      ...place,
      [Symbol.asyncDispose]: async () => {
        await place[Symbol.asyncDispose]();
        await helpers.end();
        await rm(folder, { recursive: true });
      },
    };
  },
  { skip },
);
