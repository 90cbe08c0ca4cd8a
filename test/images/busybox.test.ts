import assert from "node:assert/strict";
import { test } from "node:test";

import { testEngine } from "../engine/test-engine.ts";
import { importBusybox, importBusyboxWithTools, importFakeAlpine } from "./busybox.ts";
import { EngineApi } from "./engine-api.ts";
import { cannotUnpackPackages } from "./packages.ts";

const { host, skip: noEngine } = await testEngine();
const skip = noEngine || cannotUnpackPackages();

const VERSIONS =
  "tar --version | head -n 1; zstd --version; readlink -f /bin/sh; readlink -f /bin/awk";

test("BusyBox with tools has GNU tar and zstd under BusyBox's shell", { skip }, async () => {
  await using image = await importBusyboxWithTools(host);
  const { reference } = image;
  const { stdout } = await new EngineApi(host).run({
    image: reference,
    command: ["sh", "-c", VERSIONS],
  });
  assert.match(
    stdout,
    /^tar \(GNU tar\) 1\.\d+\n.*Zstandard.*v1.*\n\/bin\/busybox\n\/bin\/busybox\n$/,
  );
});

test("its tar keeps ACLs and attributes", { skip }, async () => {
  await using image = await importBusyboxWithTools(host);
  const script = `
    set -e
    mkdir -p /a/b && cd /a && mkdir a
    echo x >a/file; setfacl -m u:4000:rw a/file; setfattr -n user.x -v 1 a/file
    truncate -s 1M a/hole
    tar --xattrs --xattrs-include='*' --acls --sparse -C a -cf - . | zstd | zstd -d |
      tar --xattrs --xattrs-include='*' --acls -C b -xf -
    getfacl -cn b/file; getfattr -d b/file; stat -c '%s %b' b/hole`;
  const { stdout, stderr, exitCode } = await new EngineApi(host).run({
    image: image.reference,
    command: ["sh", "-c", script],
  });
  assert.equal(exitCode, 0, stderr);
  assert.match(stdout, /user:4000:rw-[^]*user\.x="1"[^]*1048576 0\n$/);
});

test("BusyBox alone has no GNU tar and no zstd", { skip }, async () => {
  await using image = await importBusybox(host);
  const output = await new EngineApi(host).run({
    image: image.reference,
    command: ["sh", "-c", VERSIONS],
  });
  assert.match(output.stdout, /^tar \(busybox\) 1/);
  assert.match(output.stderr, /zstd: not found/);
});

test("the fake Alpine adds its packages by apk, and no others", { skip }, async () => {
  await using image = await importFakeAlpine(host);
  const engine = new EngineApi(host);
  await using container = await engine.container({
    image: image.reference,
    command: ["sleep", "60"],
  });
  assert.match((await container.exec(["tar", "--version"])).stdout, /busybox/);
  const unknown = await container.exec(["/sbin/apk", "add", "--no-cache", "tar", "bash"]);
  assert.match(unknown.stderr, /bash \(no such package\)/);
  const added = await container.exec([
    "/sbin/apk",
    "add",
    "--no-cache",
    "tar",
    "zstd",
    "acl",
    "attr",
    "findutils",
    "perl",
  ]);
  assert.deepEqual(added, { exitCode: 0, stdout: "OK: fake packages\n", stderr: "" });
  assert.match((await container.exec(["sh", "-c", VERSIONS])).stdout, /^tar \(GNU tar\)/);
  assert.match((await container.exec(["setfacl", "--version"])).stdout, /^setfacl 2/);
});
