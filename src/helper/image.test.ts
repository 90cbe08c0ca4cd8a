import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { FakeClient } from "../../test/fakes/client.ts";
import { FakeEngine } from "../../test/fakes/engine.ts";
import { FakeLog } from "../../test/fakes/surroundings.ts";
import { EngineApiError } from "../engine/client.ts";
import { helperImage } from "./image.ts";

/** An engine that reaches no registry, and has images of some names. */
class ImagesClient extends FakeClient {
  readonly #images: readonly string[];

  constructor(images: readonly string[]) {
    super(new FakeEngine());
    this.#images = images;
  }

  override json(method: string, path: string): Promise<unknown> {
    if (path === "/info") {
      const info = { ID: "id", ServerVersion: "1", OSType: "linux", Architecture: "x86_64" };
      return Promise.resolve(info);
    }
    if (path === "/images/json") {
      return Promise.resolve(
        this.#images.map((name, i) => ({ RepoTags: [name], Created: 1000 + i })),
      );
    }
    return Promise.reject(new EngineApiError(404, `no ${method} ${path}`));
  }

  override stream(): Promise<never> {
    return Promise.reject(new EngineApiError(500, "no registry"));
  }
}

/** Of a client whose machine is another than the engine's. */
function find(images: readonly string[]): ReturnType<typeof helperImage> {
  const host = {
    platform: "linux",
    machine: "aarch64",
    path: "",
    temporaryFolder: tmpdir(),
  } as const;
  const { signal } = new AbortController();
  return helperImage(new ImagesClient(images), {
    named: undefined,
    host,
    log: new FakeLog(),
    startWait: () => () => {},
    signal,
  });
}

test("where none can be made, an image that another client has made serves, the newest first", async () => {
  const names = ["dockform-helper:alpine-1", "docker.io/library/dockform-helper:host-2", "other:1"];
  const { reference, origin } = await find(names);
  assert.deepEqual([reference, origin], ["dockform-helper:host-2", "prepared earlier"]);
});

test("where there is none and none can be made, that is said", async () => {
  await assert.rejects(find(["other:1"]), { code: "helper.image-impossible" });
});
