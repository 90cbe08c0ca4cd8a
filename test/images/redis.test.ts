import assert from "node:assert/strict";
import { test } from "node:test";

import { testEngine } from "../engine/test-engine.ts";
import { EngineApi } from "./engine-api.ts";
import { cannotUnpackPackages } from "./packages.ts";
import { importRedis, REDIS_DATA } from "./redis.ts";

const { host, skip: noEngine } = await testEngine();
const skip = noEngine || cannotUnpackPackages();
const READY_TIMEOUT_MS = 30_000;

test("Redis keeps what it was told in the volume", { skip }, async () => {
  await using image = await importRedis(host);
  const engine = new EngineApi(host);
  await using volume = await engine.volume();
  const options = { image: image.reference, mounts: { [volume.name]: REDIS_DATA } };
  {
    await using server = await engine.container(options);
    await server.execUntilSuccess(["redis-cli", "-e", "SET", "key", "kept"], READY_TIMEOUT_MS);
    await server.stop();
  }
  {
    await using server = await engine.container(options);
    const answer = await server.execUntilSuccess(
      ["redis-cli", "-e", "GET", "key"],
      READY_TIMEOUT_MS,
    );
    assert.equal(answer.stdout, "kept\n");
    assert.match((await server.exec(["sh", "-c", "echo *"])).stdout, /appendonlydir/);
  }
});
