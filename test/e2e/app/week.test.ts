/** Runs the commands of docs/week.md, one after the other, as its reader would. */
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { removeContainer } from "../../../src/engine/containers.ts";
import { removeVolume } from "../../../src/engine/volumes.ts";
import { ownEngine } from "../../engine/own-engine.ts";
import { attempt } from "../../oracle/host.ts";
import { follow, guideEnvironment, guideSteps, notesImage } from "../guide.ts";
import { Sandbox } from "../harness.ts";

const engine = await ownEngine();
const GUIDE = new URL("../../../docs/week.md", import.meta.url);
const EXAMPLES = new URL("../../../docs/examples/", import.meta.url);
const noDocker = (await attempt("sh", ["-c", "command -v docker"])).code !== 0;
const noSystemd = (await attempt("sh", ["-c", "command -v systemd-analyze"])).code !== 0;

test(
  "each command of the guide does what the guide says",
  { skip: engine.skip || (noDocker && "there is no docker command") },
  async () => {
    const guide = await readFile(GUIDE, "utf8");
    await using sandbox = await Sandbox.create(engine.host);
    const [, manifest = ""] = /^```yaml\n(.*?)^```$/ms.exec(guide) ?? [];
    await sandbox.manifest(manifest);
    const env = await guideEnvironment(sandbox, engine.host);
    await using image = await notesImage(sandbox, engine.host, "1");
    assert.ok(guide.includes(image.reference));
    const steps = guideSteps(guide);
    assert.ok(steps.length > 10);
    await using _ = {
      async [Symbol.asyncDispose]() {
        await removeContainer(sandbox.engine, "notes").catch(() => {});
        for (const volume of ["notes_data", "notes_cache"]) {
          await removeVolume(sandbox.engine, volume).catch(() => {});
        }
      },
    };
    for (const step of steps) await follow(step, { cwd: sandbox.folder, env });
  },
);

test("the unit files are valid", { skip: noSystemd && "there is no systemd here" }, async () => {
  await using sandbox = await Sandbox.create(engine.host);
  for (const name of ["dockform-nightly.service", "dockform-nightly.timer"]) {
    const text = await readFile(new URL(name, EXAMPLES), "utf8");
    // Programs and folders are looked for.
    const here = text
      .replaceAll("/usr/local/bin/dockform", "/bin/true")
      .replaceAll("/srv/home", "/tmp");
    await writeFile(sandbox.path(name), here);
  }
  const { code, stderr } = await attempt("systemd-analyze", [
    "verify",
    sandbox.path("dockform-nightly.service"),
    sandbox.path("dockform-nightly.timer"),
  ]);
  assert.deepEqual([code, stderr], [0, ""]);
});
