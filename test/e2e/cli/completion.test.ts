import assert from "node:assert/strict";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { needProgram, run } from "../../oracle/host.ts";
import { writeSidecar } from "../archives.ts";
import { mainFile } from "../program.ts";
import { Sandbox } from "../harness.ts";
import { onTerminal } from "../terminal.ts";

const root = process.platform === "linux" && process.getuid?.() === 0;
const skipShells = !root && "zsh and fish are installed as root on Debian";

const NOBODY = "unix:///no/engine/listens/here.sock";

/** A folder with a manifest, some snapshots and the program on the PATH; no engine answers. */
async function prepared(): Promise<{
  readonly sandbox: Sandbox;
  readonly env: Readonly<Record<string, string>>;
}> {
  const sandbox = await Sandbox.create(NOBODY);
  await sandbox.manifest("identifier: x\nvolumes: { app_data: , app_cache: }");
  const times = ["2026-11-22T02-15-40Z", "2026-11-23T02-15-40Z"];
  const folder = sandbox.path(".dockform", "snapshots", "app_data");
  await mkdir(folder, { recursive: true });
  for (const time of times) {
    const archive = `${folder}/${time}__spec-00000000.tar.zst`;
    await writeFile(archive, "data");
    await writeSidecar(archive, { volume_name: "app_data" });
  }
  const program = sandbox.path("bin", "dockform");
  await mkdir(sandbox.path("bin"));
  await writeFile(program, `#!/bin/sh\nexec "${process.execPath}" "${mainFile()}" "$@"\n`);
  await chmod(program, 0o755);
  await writeFile(sandbox.path("notes.txt"), "");
  const env = {
    PATH: `${sandbox.path("bin")}:${process.env["PATH"] ?? ""}`,
    HOME: sandbox.folder,
    DOCKER_HOST: NOBODY,
  };
  return { sandbox, env };
}

/** What Bash offers for a line, as it would after a Tab; told by its own completion function. */
async function bashOffers(line: string): Promise<readonly string[]> {
  const { sandbox, env } = await prepared();
  await using _ = sandbox;
  // Readline's splitting is not there in a script, and what is under test does not use it.
  const script = `cd "$0"; source <(dockform completion bash)
    COMP_LINE=$1 COMP_POINT=\${#1}; _dockform; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const output = await run("bash", ["--norc", "-c", script, sandbox.folder, line], { env });
  return output.toString().split("\n").slice(0, -1);
}

test("Bash completes commands, options, volumes and snapshots, without an engine", async () => {
  assert.deepEqual(await bashOffers("dockform vo"), ["volume"]);
  assert.deepEqual(await bashOffers("dockform volume snapshot app"), ["app_cache", "app_data"]);
  assert.deepEqual(await bashOffers("dockform volume restore app_data l"), ["latest"]);
  assert.deepEqual(await bashOffers("dockform volume restore app_data 2026-11-2"), [
    "2026-11-23T02-15-40Z",
    "2026-11-22T02-15-40Z",
  ]);
  assert.ok((await bashOffers("dockform volume restore -")).includes("--force"));
});

test("Bash gets what follows an @, for that ends a word to it", async () => {
  assert.deepEqual(await bashOffers("dockform snapshot drill app_data@2026-11-23"), [
    "2026-11-23T02-15-40Z",
  ]);
});

test("what stands on the line is never run", async () => {
  const { sandbox, env } = await prepared();
  await using _ = sandbox;
  const script = `cd "$0"; source <(dockform completion bash)
    COMP_LINE='dockform volume snapshot $(touch run) \`touch run\` ap' COMP_POINT=60; _dockform; ls`;
  const output = await run("bash", ["--norc", "-c", script, sandbox.folder], { env });
  assert.ok(!output.toString().split("\n").includes("run"));
});

test("completion says nothing and does not fail, whatever is wrong", async () => {
  await using sandbox = await Sandbox.create(NOBODY);
  await sandbox.manifest("volumes: [");
  for (const line of [
    "dockform volume snapshot ",
    "dockform volume nonsense x",
    "",
    "dockform --context ",
  ]) {
    const { code, stderr } = await sandbox.dockform(["__complete", "--", line]);
    assert.deepEqual([code, stderr], [0, ""], line);
  }
});

test("fish completes commands, volumes and snapshots", { skip: skipShells }, async () => {
  const { sandbox, env } = await prepared();
  await using _ = sandbox;
  const fish = await needProgram("/usr/bin/fish", "fish");
  const offers = async (line: string): Promise<readonly string[]> => {
    const script = "dockform completion fish | source; complete --do-complete $argv[1]";
    const options = { env, cwd: sandbox.folder };
    const output = await run(fish, ["--no-config", "-c", script, line], options);
    return output.toString().trimEnd().split("\n");
  };
  assert.deepEqual(await offers("dockform volume snapshot app"), [
    "app_cache\tdeclared",
    "app_data\tdeclared",
  ]);
  assert.match((await offers("dockform vo")).join(), /^volume\t./);
  assert.deepEqual(await offers("dockform snapshot drill app_data@2026-11-23"), [
    "app_data@2026-11-23T02-15-40Z",
  ]);
  assert.deepEqual(await offers("dockform volume restore app_data ./not"), ["./notes.txt"]);
});

test("zsh completes commands, volumes and snapshots", { skip: skipShells }, async () => {
  const { sandbox, env } = await prepared();
  await using _ = sandbox;
  const zsh = await needProgram("/usr/bin/zsh", "zsh");
  // Ctrl-X says what stands on the line.
  await writeFile(
    sandbox.path(".zshrc"),
    `autoload -U compinit && compinit -u -D
    source <(dockform completion zsh)
    report() { print -r -- "$BUFFER" >line; exit }
    zle -N report; bindkey '^X' report
    PROMPT='ready> '`,
  );
  const completed = async (line: string): Promise<string> => {
    const terminal = await onTerminal({ question: "ready> ", keys: `${line}\t\x18` });
    const [program, ...args] = [...terminal, zsh, "-d", "-i"];
    await run(program, args, { env: { ...env, TERM: "xterm" }, cwd: sandbox.folder });
    return readFile(sandbox.path("line"), "utf8");
  };
  assert.equal(await completed("dockform vo"), "dockform volume \n");
  assert.equal(
    await completed("dockform volume snapshot app_d"),
    "dockform volume snapshot app_data \n",
  );
  assert.equal(
    await completed("dockform snapshot drill app_data@2026-11-23"),
    "dockform snapshot drill app_data@2026-11-23T02-15-40Z \n",
  );
});

test("the script for bash is one", async () => {
  await using sandbox = await Sandbox.create(NOBODY);
  const { stdout } = await sandbox.dockform(["completion", "bash"]);
  await writeFile(sandbox.path("script"), stdout);
  await run("bash", ["-n", sandbox.path("script")]);
});
