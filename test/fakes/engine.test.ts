import { clearPlace } from "../contract/engine-bench.ts";
import { engineContract } from "../contract/engine.ts";
import { FakeClient } from "./client.ts";
import { FakeEngine } from "./engine.ts";

engineContract(async () => {
  const engine = new FakeEngine();
  return {
    connect: () => new FakeClient(engine),
    image: "app:1",
    prefix: "test",
    [Symbol.asyncDispose]: () => clearPlace(new FakeClient(engine), "test"),
  };
});
