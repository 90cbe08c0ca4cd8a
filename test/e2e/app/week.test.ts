/** Runs the commands of docs/week.md, one after the other, as its reader would. */
import assert from "node:assert/strict";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { removeContainer } from "../../../src/engine/containers.ts";
import { removeVolume } from "../../../src/engine/volumes.ts";
import { testEngine } from "../../engine/test-engine.ts";
import type { TestImage } from "../../images/import-image.ts";
import { attempt, run } from "../../oracle/host.ts";
import { mainFile } from "../program.ts";
import { Sandbox } from "../harness.ts";

const engine = await testEngine();
const GUIDE = new URL("../../../docs/week.md", import.meta.url);
const EXAMPLES = new URL("../../../docs/examples/", import.meta.url);
const noDocker = (await attempt("sh", ["-c", "command -v docker"])).code !== 0;
const noSystemd = (await attempt("sh", ["-c", "command -v systemd-analyze"])).code !== 0;

/** A command and what the guide says it prints. */
interface Step {
  readonly command: string;
  readonly shown: readonly string[];
}

function stepsOf(guide: string): readonly Step[] {
  const blocks = [...guide.matchAll(/^```console\n(.*?)^```$/gms)].map(([, block = ""]) => block);
  return blocks.flatMap((block) =>
    block
      .split(/^\$ /m)
      .slice(1)
      .map((text) => {
        // A line that ends with a backslash goes on.
        const [, command = "", rest = ""] = /^((?:.*\\\n)*.*)\n?([^]*)$/.exec(text) ?? [];
        return { command, shown: rest.split("\n").filter((line) => line !== "") };
      }),
  );
}

/** A line without what is another one each time: numbers, times, ages, digests. */
function alike(line: string): string {
  return line
    .replaceAll(/\b[0-9a-f]{8,}\b/g, "H")
    .replaceAll(/\d+(?:[.,:T-]\d+)*Z?/g, "N")
    .replaceAll(/\bN (?:kB|MB|GB|B|s|ms)\b/g, "N U")
    .replaceAll(/\bN min N U/g, "N U")
    .replaceAll(/\b(?:moments|N (?:seconds?|minutes?))\b/g, "A")
    .replaceAll(/\s+/g, " ")
    .trim();
}

test(
  "each command of the guide does what the guide says",
  { skip: engine.skipUnlessPrivate || (noDocker && "there is no docker command") },
  async () => {
    const guide = await readFile(GUIDE, "utf8");
    await using sandbox = await Sandbox.create(engine.host);
    const [, manifest = ""] = /^```yaml\n(.*?)^```$/ms.exec(guide) ?? [];
    await sandbox.manifest(manifest);
    await mkdir(sandbox.path("bin"));
    const program = sandbox.path("bin", "dockform");
    await writeFile(program, `#!/bin/sh\nexec "${process.execPath}" "${mainFile()}" "$@"\n`);
    await chmod(program, 0o755);
    await using image = await notesImage(sandbox);
    assert.ok(guide.includes(image.reference));
    const env = {
      PATH: `${sandbox.path("bin")}:${process.env["PATH"] ?? ""}`,
      HOME: sandbox.folder,
      TMPDIR: sandbox.temporaryFolder,
      DOCKER_HOST: engine.host,
    };
    const steps = stepsOf(guide);
    assert.ok(steps.length > 10);
    for (const { command, shown } of steps) {
      const { code, stdout, stderr } = await attempt("bash", ["-c", command], {
        cwd: sandbox.folder,
        env,
      });
      const printed = `${stderr}${stdout.toString()}`;
      assert.equal(code, 0, `${command}\n${printed}`);
      const lines = new Set(printed.split("\n").map(alike));
      const missing = shown.filter((line) => !lines.has(alike(line)));
      assert.deepEqual(missing, [], `${command}\nprinted:\n${printed}`);
    }
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

/** The application of the guide: it waits, and is healthy as long as its data is readable. */
async function notesImage(sandbox: Sandbox): Promise<TestImage> {
  const { name } = await sandbox.volume("any");
  const { id } = await sandbox.container("notes", await sandbox.waiting(name));
  const changes = [
    'ENTRYPOINT ["sh","-c"]',
    `CMD ["trap 'exit 0' TERM; while :; do sleep 1 & wait; done"]`,
    "HEALTHCHECK --interval=1s --retries=3 CMD test ! -e /data/broken",
  ];
  const query = new URLSearchParams({ container: id, repo: "notes", tag: "1" });
  for (const change of changes) query.append("changes", change);
  await sandbox.engine.json("POST", `/commit?${query.toString()}`, { body: {} });
  return {
    reference: "notes:1",
    async [Symbol.asyncDispose]() {
      await removeContainer(sandbox.engine, "notes").catch(() => {});
      for (const volume of ["notes_data", "notes_cache"]) {
        await removeVolume(sandbox.engine, volume).catch(() => {});
      }
      await run("docker", ["--host", engine.host, "image", "rm", "--force", "notes:1"]);
    },
  };
}
