import { writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { helperImage } from "../../src/helper/image.ts";
import { testEngine } from "../engine/test-engine.ts";
import { fakeTools } from "../fakes/surroundings.ts";
import { Sandbox } from "../e2e/harness.ts";
import { agentContract, type AgentPlace } from "./agent.ts";
import { helperPlace } from "./helper-place.ts";

const { host, skipUnlessPrivate: skip } = await testEngine();

for (const [what, temporaryFolder] of [
  ["a helper with a pipe", tmpdir()],
  ["a helper without a folder to share", "/no/such/folder"],
] as const) {
  agentContract(what, () => openHelper(temporaryFolder), { skip });
}

async function openHelper(temporaryFolder: string): Promise<AgentPlace> {
  await using stack = new AsyncDisposableStack();
  const sandbox = stack.use(await Sandbox.create(host));
  const { name, folder } = await sandbox.volume("agent");
  await writeFile(join(folder, "file"), "text");
  const { engine } = sandbox;
  const { log, signal } = fakeTools();
  const { platform, env, arch } = process;
  const machine = arch === "arm64" ? "aarch64" : "x86_64";
  const system = { platform, machine, temporaryFolder: tmpdir(), path: env["PATH"] ?? "" };
  const image = await helperImage(engine, {
    named: undefined,
    host: system,
    log,
    startWait: () => () => {},
    signal,
  });
  const place = stack.use(await helperPlace(engine, image, name, temporaryFolder));
  const all = stack.move();
  return { ...place, [Symbol.asyncDispose]: () => all.disposeAsync() };
}
