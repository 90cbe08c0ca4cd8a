/** Runs the commands of docs/moving.md on two engines. */
import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { startPrivateEngine } from "../../engine/private-engine.ts";
import { testEngine } from "../../engine/test-engine.ts";
import { attempt, run } from "../../oracle/host.ts";
import { composePlugin, follow, guideEnvironment, guideSteps, notesImage } from "../guide.ts";
import { Sandbox } from "../harness.ts";

const { skipUnlessPrivate } = await testEngine();
const PAGE = new URL("../../../docs/moving.md", import.meta.url);
const noDocker = (await attempt("sh", ["-c", "command -v docker"])).code !== 0;
const skip = skipUnlessPrivate || (noDocker && "there is no docker command");

const COMPOSE = `services:
  notes:
    image: notes:2
    volumes:
      - data:/data
volumes:
  data:
`;
const MANIFEST = "identifier: server\nvolumes:\n  home_data: {}\n";

test("a stack is moved to another engine as the page says", { skip }, async () => {
  // Its volumes have the names of the page's, which other tests have on theirs.
  await using old = await startPrivateEngine();
  await using fresh = await startPrivateEngine();
  await using sandbox = await Sandbox.create(fresh.host);
  await using oldSandbox = await Sandbox.create(old.host);
  await using image = await notesImage(sandbox, fresh.host, "2");
  await using oldImage = await notesImage(oldSandbox, old.host, "2");
  assert.equal(image.reference, oldImage.reference);
  await composePlugin("trixie", sandbox);
  const place = { cwd: sandbox.path("home"), env: await guideEnvironment(sandbox, fresh.host) };
  await mkdir(place.cwd);
  await writeFile(join(place.cwd, "docker-compose.yml"), COMPOSE);
  await writeFile(join(place.cwd, "dockform.yml"), MANIFEST);
  const onOld = { cwd: place.cwd, env: { ...place.env, DOCKER_HOST: old.host } };
  const letter = 'mkdir /data/letters && echo "Dear landlord" > /data/letters/landlord.txt';
  try {
    await run("docker", ["compose", "up", "-d"], onOld);
    await run("docker", ["compose", "exec", "-T", "notes", "sh", "-c", letter], onOld);
    const steps = guideSteps(await readFile(PAGE, "utf8"));
    assert.ok(steps.length > 10);
    for (const step of steps) {
      const command = step.command.replace("ssh://me@old-server", old.host);
      await follow({ ...step, command }, place);
    }
    const left = await attempt("docker", ["volume", "inspect", "home_data"], onOld);
    assert.notEqual(left.code, 0);
  } finally {
    for (const project of ["home", "trial"]) {
      await attempt("docker", ["compose", "-p", project, "down", "-v"], place);
    }
    await attempt("docker", ["compose", "down", "-v"], onOld);
  }
});
