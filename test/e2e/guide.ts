/** Pages of docs/ whose commands are run one after the other, as their reader would. */
import assert from "node:assert/strict";
import { chmod, mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { unpackedPackage, type DebianRelease } from "../oracle/debian-release.ts";
import { attempt, run } from "../oracle/host.ts";
import type { TestImage } from "../images/import-image.ts";
import { mainFile } from "./program.ts";
import type { Sandbox } from "./harness.ts";

/** A command and what the page says it prints. */
export interface GuideStep {
  /** The heading above it. */
  readonly section: string;
  readonly command: string;
  readonly shown: readonly string[];
}

/** Where a page's commands run. */
export interface GuidePlace {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
}

/** The commands of a page's `console` blocks, in order. */
export function guideSteps(page: string): readonly GuideStep[] {
  const sections = page.split(/^## /m);
  return sections.flatMap((section) => {
    const [title = ""] = section.split("\n");
    return [...section.matchAll(/^```console\n(.*?)^```$/gms)].flatMap(([, block = ""]) =>
      block
        .split(/^\$ /m)
        .slice(1)
        .map((text) => ({ section: title, ...commandOf(text) })),
    );
  });
}

function commandOf(text: string): Omit<GuideStep, "section"> {
  // A line that ends with a backslash goes on.
  const [, command = "", rest = ""] = /^((?:.*\\\n)*.*)\n?([^]*)$/.exec(text) ?? [];
  return { command, shown: rest.split("\n").filter((line) => line !== "") };
}

/** Runs a command, which must succeed and print the lines that the page shows. */
export async function follow({ command, shown }: GuideStep, place: GuidePlace): Promise<void> {
  const { code, stdout, stderr } = await attempt("bash", ["-c", command], place);
  const printed = `${stderr}${stdout.toString()}`;
  assert.equal(code, 0, `${command}\n${printed}`);
  const lines = new Set(printed.split("\n").map(alike));
  const missing = shown.filter((line) => !lines.has(alike(line)));
  assert.deepEqual(missing, [], `${command}\nprinted:\n${printed}`);
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

/** An environment in which `dockform` is the program under test, and HOME is the sandbox. */
export async function guideEnvironment(sandbox: Sandbox, host: string): Promise<GuidePlace["env"]> {
  await mkdir(sandbox.path("bin"));
  const program = sandbox.path("bin", "dockform");
  await writeFile(program, `#!/bin/sh\nexec "${process.execPath}" "${mainFile()}" "$@"\n`);
  await chmod(program, 0o755);
  return {
    PATH: `${sandbox.path("bin")}:${process.env["PATH"] ?? ""}`,
    HOME: sandbox.folder,
    TMPDIR: sandbox.temporaryFolder,
    DOCKER_HOST: host,
  };
}

/** The application of the pages: it waits, and is healthy as long as its data is readable. */
export async function notesImage(sandbox: Sandbox, host: string, tag: string): Promise<TestImage> {
  const { name } = await sandbox.volume("any");
  const { id } = await sandbox.container("notes", await sandbox.waiting(name));
  const changes = [
    'ENTRYPOINT ["sh","-c"]',
    `CMD ["trap 'exit 0' TERM; while :; do sleep 1 & wait; done"]`,
    "HEALTHCHECK --interval=1s --retries=3 CMD test ! -e /data/broken",
  ];
  const query = new URLSearchParams({ container: id, repo: "notes", tag });
  for (const change of changes) query.append("changes", change);
  await sandbox.engine.json("POST", `/commit?${query.toString()}`, { body: {} });
  const reference = `notes:${tag}`;
  return {
    reference,
    async [Symbol.asyncDispose]() {
      await run("docker", ["--host", host, "image", "rm", "--force", reference]);
    },
  };
}

const PLUGIN = "usr/libexec/docker/cli-plugins/docker-compose";

/** Gives the docker command of a sandbox's HOME the Compose of a release of Debian. */
export async function composePlugin(release: DebianRelease, sandbox: Sandbox): Promise<void> {
  const folder = await unpackedPackage(release, "docker-compose");
  const plugins = sandbox.path(".docker", "cli-plugins");
  await mkdir(plugins, { recursive: true });
  await symlink(join(folder, PLUGIN), join(plugins, "docker-compose"));
}
