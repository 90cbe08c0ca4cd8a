import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { compareVersions } from "./api-version.ts";
import { EngineClient } from "./client.ts";
import { listVolumes } from "./volumes.ts";

interface Versions {
  readonly newest: string;
  readonly oldest: string;
}

/** An engine without volumes that refuses versions as Docker does; tells of those that it was asked in. */
async function askVersioned({ newest, oldest }: Versions): Promise<readonly string[]> {
  await using folder = await mkdtempDisposable(join(tmpdir(), "dockform-versions-"));
  const path = join(folder.path, "engine.sock");
  const asked: string[] = [];
  const server = createServer(({ url = "" }, answer) => {
    answer.setHeader("Api-Version", newest);
    const version = /^\/v([\d.]+)\//.exec(url)?.[1];
    if (version === undefined) return answer.end("OK");
    asked.push(version);
    if (compareVersions(version, oldest) >= 0) return answer.end('{"Volumes":null}');
    answer.statusCode = 400;
    return answer.end(
      JSON.stringify({
        message: `client version ${version} is too old. Minimum supported API version is ${oldest}, please upgrade your client to a newer version`,
      }),
    );
  });
  server.listen(path);
  await once(server, "listening");
  const client = new EngineClient({ context: "default", host: `unix://${path}` });
  try {
    assert.deepEqual(await listVolumes(client), []);
  } finally {
    client.close();
    server.close();
  }
  return asked;
}

test("an engine that refuses what is below 1.44, as Docker 29 does, is asked in a version it knows", async () => {
  assert.deepEqual(await askVersioned({ newest: "1.52", oldest: "1.44" }), ["1.47"]);
});

test("an engine is asked in its own version where that is older than ours", async () => {
  assert.deepEqual(await askVersioned({ newest: "1.41", oldest: "1.12" }), ["1.41"]);
});

test("an engine that no longer knows our newest version is said to be too new", async () => {
  await assert.rejects(askVersioned({ newest: "1.60", oldest: "1.50" }), {
    code: "engine.too-new",
    message: /client version 1\.47 is too old/,
  });
});
