import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, rmdirSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { test } from "node:test";
import { makeTemporaryFolder } from "./temporary-folder.ts";

const skip = process.platform !== "linux" && "the kernel does not tell one process from another";
const SILENT = { debug: () => {}, info: () => {}, warn: () => {} };

/** The name of a folder of this process's with something else in it. */
function altered(own: string, part: number, value: string): string {
  const parts = own.split("-");
  parts[part] = value;
  return parts.join("-");
}

test("folders of processes that are gone are removed, and no others", { skip }, async () => {
  const parent = await mkdtemp(join(tmpdir(), "dockform-temporary-"));
  try {
    const own = await makeTemporaryFolder(parent, SILENT);
    const name = basename(own);
    const child = spawn("true");
    await once(child, "exit");
    const dead = altered(name, 3, String(child.pid));
    const stays = [
      name,
      altered(name, 1, "00000000"),
      altered(name, 2, "1"),
      `${name}x`,
      "dockform-AbCdEf",
      "another",
    ];
    for (const each of [dead, altered(name, 4, "1"), ...stays.slice(1)]) {
      await mkdir(join(parent, each));
      await writeFile(join(parent, each, "token"), "token");
    }
    const link = altered(dead, 5, "linked");
    await symlink(join(parent, "another"), join(parent, link));
    const second = await makeTemporaryFolder(parent, SILENT);
    const left = (await readdir(parent)).toSorted();
    assert.deepEqual(left, [...stays, link, basename(second)].toSorted());
    assert.deepEqual(await readdir(join(parent, "another")), ["token"]);
  } finally {
    await rm(parent, { recursive: true });
  }
});

test("one that another process has just removed keeps none of the others", { skip }, async () => {
  const parent = await mkdtemp(join(tmpdir(), "dockform-temporary-"));
  try {
    const own = basename(await makeTemporaryFolder(parent, SILENT));
    for (const startedAt of ["1", "2", "3", "4"]) {
      await mkdir(join(parent, altered(own, 4, startedAt)));
    }
    let isFirst = true;
    const second = await makeTemporaryFolder(parent, {
      ...SILENT,
      debug: () => {
        const left = readdirSync(parent).filter((name) => /-[1-4]-\w+$/.test(name));
        if (isFirst) for (const name of left.slice(0, -1)) rmdirSync(join(parent, name));
        isFirst = false;
      },
    });
    assert.ok(!isFirst);
    assert.deepEqual((await readdir(parent)).toSorted(), [own, basename(second)].toSorted());
  } finally {
    await rm(parent, { recursive: true });
  }
});
