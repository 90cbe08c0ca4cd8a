import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import { testEngine } from "../../engine/test-engine.ts";
import { writeFiles } from "../archives.ts";
import { Sandbox } from "../harness.ts";
import { UNSEEN_TMPDIR, type CliOptions } from "../program.ts";
import { onTerminal } from "../terminal.ts";

const { host, skipUnlessPrivate } = await testEngine();
const skip = skipUnlessPrivate;

/** tar takes a rest every four megabytes. */
const SLOW = `tar() {
	case " $* " in *' --checkpoint=64 '*) set -- "$@" --checkpoint-action=echo --checkpoint-action=sleep=1 ;; esac
	command tar "$@"
}`;
const LARGE_BYTES = 20e6;
const SMALL_FILES = 1500;

async function slowVolume(sandbox: Sandbox): Promise<string> {
  const { name, folder } = await sandbox.volume("slow");
  const small = Array.from({ length: SMALL_FILES }, (_, i) => [`many/${i}`, String(i)] as const);
  await writeFiles(folder, { large: randomBytes(LARGE_BYTES), ...Object.fromEntries(small) });
  return name;
}

/** The lines that the terminal has shown, whether they stayed or not. */
function shown(stdout: string): readonly string[] {
  return stdout.split(/[\r\n]+/).map((line) => stripVTControlCharacters(line));
}

const terminal: CliOptions = { under: await onTerminal() };
const terminalByExec: CliOptions = {
  under: [...(await onTerminal()), ...(UNSEEN_TMPDIR.under ?? [])],
};

for (const [kind, options] of [
  ["pipe", terminal],
  ["exec", terminalByExec],
] as const) {
  test(
    `a terminal shows bytes, entries, rate and time left, data going by ${kind}`,
    { skip },
    async () => {
      await using sandbox = await Sandbox.create(host);
      const name = await slowVolume(sandbox);
      const { code, stdout } = await sandbox.dockform(["volume", "snapshot", name, "-v"], {
        ...options,
        main: await sandbox.flawed(SLOW),
      });
      assert.equal(code, 0, stdout);
      assert.match(stdout, new RegExp(`data goes by ${kind}\\b`));
      const lines = shown(stdout);
      const bars = lines.filter((line) => line.includes("[#"));
      // Files hold 20 MB, and each entry's header in the stream 1.5 kB.
      const bar =
        /^\S+ \[#[#.]{9}\] \d+ % [\d.]+( MB)? of 2[234](\.\d)? MB, \d+ s left, 1,000 entries, [\d.]+ .?B\/s$/;
      assert.ok(
        bars.some((line) => bar.test(line)),
        lines.join("\n"),
      );
      assert.deepEqual(
        lines.filter((line) => /checkpoint|passed|expected/.test(line)),
        [],
      );
      assert.ok(lines.every((line) => !line.includes("[#") || line.length < 80));
    },
  );
}

test("a volume that is compared has a bar with time left and entries", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const name = await slowVolume(sandbox);
  await sandbox.snapshot(name);
  const args = ["snapshot", "diff", `${name}@latest`, "live"];
  const main = await sandbox.flawed(SLOW);
  const { code, stdout } = await sandbox.dockform(args, { ...terminal, main });
  assert.equal(code, 0, stdout);
  const bar =
    /^Read.* \[#[#.]{9}\] \d+ % [\d.]+( MB)? of 2[234](\.\d)? MB, \d+ s left, 1,000 entries/;
  const lines = shown(stdout);
  assert.ok(
    lines.some((line) => bar.test(line)),
    lines.join("\n"),
  );
});

test("several volumes have a bar each", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const names = [await slowVolume(sandbox), sandbox.name("other")];
  const other = await sandbox.volume("other");
  await writeFiles(other.folder, { large: randomBytes(LARGE_BYTES) });
  const { code, stdout } = await sandbox.dockform(["volume", "snapshot", ...names], {
    ...terminal,
    main: await sandbox.flawed(SLOW),
  });
  assert.equal(code, 0, stdout);
  // Both are drawn, and then the cursor goes up again to clear both.
  assert.match(stripVTControlCharacters(stdout), /MB\/s\r?\n\S+ .*MB/);
  assert.ok(stdout.includes("\u001B[1A\u001B[2K"));
});

test("without a terminal nothing of it is seen of a snapshot that is quick", { skip }, async () => {
  await using sandbox = await Sandbox.create(host);
  const { name, folder } = await sandbox.volume("quick");
  await writeFiles(folder, { file: "x" });
  const { code, stderr } = await sandbox.dockform(["volume", "snapshot", name]);
  assert.equal(code, 0);
  assert.equal(stderr, "");
});
