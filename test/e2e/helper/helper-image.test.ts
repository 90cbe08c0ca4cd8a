import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { EngineClient } from "../../../src/engine/client.ts";
import { buildImage, findImage } from "../../../src/engine/images.ts";
import { listVolumes } from "../../../src/engine/volumes.ts";
import { packDockerfile } from "../../../src/helper/dockerfile.ts";
import { startPrivateEngine } from "../../engine/private-engine.ts";
import { testEngine } from "../../engine/test-engine.ts";
import { importBusybox, importBusyboxWithTools, importFakeAlpine } from "../../images/busybox.ts";
import type { TestImage } from "../../images/import-image.ts";
import { cannotUnpackPackages } from "../../images/packages.ts";
import { describeTree, differences, makeOddTree } from "../../oracle/tree.ts";
import { assertError, writeFiles } from "../archives.ts";
import { assertUntouched } from "../evidence.ts";
import { Sandbox } from "../harness.ts";

const engine = await testEngine();
/** Images of Debian's packages take root, and so does looking into volumes. */
const skip = engine.skipUnlessPrivate || cannotUnpackPackages();
const NO_SUCH_IMAGE = "localhost:1/no/such:image";

/** What `-v` says of the helper's image, and `doctor`. */
async function chosenImage(sandbox: Sandbox, env: Record<string, string> = {}): Promise<string> {
  const { name } = await sandbox.volume("data");
  const { stderr } = await sandbox.snapshot(name, ["-v"], { env });
  return /^debug: helper image: (.*)$/m.exec(stderr)?.[1] ?? stderr;
}

async function doctorsImage(sandbox: Sandbox): Promise<string> {
  const { stdout } = await sandbox.dockform(["doctor"]);
  return /^ok +helper image +(.*)$/m.exec(stdout)?.[1] ?? stdout;
}

test(
  "the image that DOCKFORM_HELPER_IMAGE names is used, else the manifest's",
  { skip },
  async () => {
    await using image = await importBusyboxWithTools(engine.host);
    await using sandbox = await Sandbox.create(engine.host);
    await sandbox.manifest({ identifier: "x", helper: { image: NO_SUCH_IMAGE } });
    const { reference } = image;
    const env = { DOCKFORM_HELPER_IMAGE: reference };
    assert.equal(await chosenImage(sandbox, env), `${reference} (named by you)`);
    await sandbox.manifest({ identifier: "x", helper: { image: reference } });
    assert.equal(await chosenImage(sandbox), `${reference} (named by you)`);
    assert.equal(await doctorsImage(sandbox), `${reference}, named by you`);
  },
);

test(
  "an image that is missing and cannot be pulled is named, with where it was named",
  { skip },
  async () => {
    await using sandbox = await Sandbox.create(engine.host);
    const volume = await sandbox.volume("data");
    await writeFiles(volume.folder, { file: "old" });
    await sandbox.manifest({
      identifier: "x",
      helper: { image: NO_SUCH_IMAGE },
      volumes: { [volume.name]: {} },
    });
    const message = new RegExp(`cannot get the helper image ${NO_SUCH_IMAGE}: `);
    const failure = { exitCode: 1, message, hint: /helper\.image.*DOCKFORM_HELPER_IMAGE/ };
    assertError(await sandbox.dockform(["volume", "snapshot", volume.name, "--json"]), failure);
    assert.deepEqual(await sandbox.leftBehind(), []);
  },
);

test("an image with BusyBox's tar is refused, and nothing is touched", { skip }, async () => {
  await using image = await importBusybox(engine.host);
  await using sandbox = await Sandbox.create(engine.host);
  const volume = await sandbox.volume("data");
  await writeFiles(volume.folder, { file: "old" });
  await sandbox.declare(volume.name);
  const { archive } = await sandbox.snapshot(volume.name, ["-o", "before"]);
  const user = await sandbox.running("user", await sandbox.waiting(volume.name));
  const before = await sandbox.evidence(volume.folder, [user.id]);

  const env = { DOCKFORM_HELPER_IMAGE: image.reference };
  const message = new RegExp(`${image.reference} would lose metadata: .*busybox.*GNU tar`, "i");
  const refusal = { exitCode: 3, message, hint: /GNU tar .*zstd.*helper\.image/ };
  const snapshot = ["volume", "snapshot", volume.name, "-o", "out", "--json"];
  assertError(await sandbox.dockform(snapshot, { env }), refusal);
  const restore = ["volume", "restore", volume.name, archive, "--json"];
  const permitted = [...restore, "--force", "--stop-containers"];
  assertError(await sandbox.dockform(permitted, { env }), refusal);
  assertUntouched(before, await sandbox.evidence(volume.folder, [user.id]));
  assert.deepEqual(await sandbox.leftBehind(), []);
  const list = await sandbox.dockform(["volume", "list", "-m", ".", "--json"]);
  assert.ok(!list.stdout.includes("out/"));
});

test(
  "an image without zstd, or without a shell, is refused by what it lacks",
  { skip },
  async () => {
    await using base = await importBusyboxWithTools(engine.host);
    await using sandbox = await Sandbox.create(engine.host);
    const volume = await sandbox.volume("data");
    await sandbox.declare(volume.name);
    for (const [what, message] of [
      ["zstd", /has no zstd/],
      ["perl", /has no perl/],
      ["sh", /no shell|has no sh|sh.*not found/],
    ] as const) {
      const dockerfile = `FROM ${base.reference}\nRUN rm /bin/${what}\n`;
      await using image = await builtImage(sandbox, dockerfile);
      const result = await sandbox.dockform(["volume", "snapshot", volume.name, "--json"], {
        env: { DOCKFORM_HELPER_IMAGE: image.reference },
      });
      assertError(result, { exitCode: 3, message, hint: /GNU tar .*zstd, perl and a shell/ });
      assert.deepEqual(await sandbox.leftBehind(), []);
    }
  },
);

test(
  "every kind of entry comes back through an image like Alpine: BusyBox, GNU tar and zstd",
  { skip },
  async () => {
    await using image = await importBusyboxWithTools(engine.host);
    await using sandbox = await Sandbox.create(engine.host);
    const from = await sandbox.volume("from");
    const into = await sandbox.volume("into");
    await makeOddTree(from.folder, { smallFiles: 200 });
    await writeFiles(into.folder, { "old/file": "old" });
    await sandbox.declare(from.name, into.name);
    const options = { env: { DOCKFORM_HELPER_IMAGE: image.reference } };
    const { archive } = await sandbox.snapshot(from.name, [], options);
    const restored = await sandbox.restore(into.name, archive, ["--force"], options);
    assert.ok(!restored.stderr.includes("warning"), restored.stderr);
    const before = await describeTree(from.folder, { sockets: false });
    assert.deepEqual(differences(before, await describeTree(into.folder)).slice(0, 20), []);
    assert.deepEqual(await sandbox.leftBehind(), []);
  },
);

test("an image is built from Alpine once, and found again from then on", { skip }, async () => {
  await using own = await startPrivateEngine();
  const source = new URL("../../../src/helper/image.ts", import.meta.url);
  const base = /^[^/*]*FROM (\S+)$/m.exec(await readFile(source, "utf8"))?.[1];
  assert.match(base ?? "", /^alpine:3\.\d+\.\d+$/);
  await using alpine = await importFakeAlpine(own.host, base);
  assert.equal(alpine.reference, base);
  await using sandbox = await Sandbox.create(own.host);
  assert.equal(await doctorsImage(sandbox), "none yet; the first snapshot or restore prepares one");
  const name = "dockform-helper:alpine-[0-9a-f]{12}";
  assert.match(await chosenImage(sandbox), new RegExp(`^${name} \\(built from Alpine\\)$`));
  assert.match(await chosenImage(sandbox), new RegExp(`^${name} \\(prepared earlier\\)$`));
  assert.match(await doctorsImage(sandbox), new RegExp(`^${name}, prepared earlier$`));
  // It works: an ACL and an attribute tell GNU tar from BusyBox's.
  const [from, into] = [await sandbox.volume("from"), await sandbox.volume("into")];
  await makeOddTree(from.folder, { smallFiles: 1 });
  await sandbox.declare(from.name, into.name);
  const { archive } = await sandbox.snapshot(from.name);
  await sandbox.restore(into.name, archive);
  const before = await describeTree(from.folder, { sockets: false });
  assert.deepEqual(differences(before, await describeTree(into.folder)).slice(0, 20), []);
});

test(
  "where no registry answers, an image is put together from this machine's tools, once",
  { skip },
  async () => {
    await using own = await startPrivateEngine();
    await using sandbox = await Sandbox.create(own.host);
    const name = "dockform-helper:host-[0-9a-f]{12}";
    const first = await chosenImage(sandbox);
    assert.match(first, new RegExp(`^${name} \\(assembled from this machine's tools\\)$`));
    assert.match(await chosenImage(sandbox), new RegExp(`^${name} \\(prepared earlier\\)$`));
    // Where a tool is missing, there is nothing to put one together from.
    const { name: volume } = await sandbox.volume("data");
    await sandbox.engine.json("DELETE", `/images/${first.split(" ")[0]}`);
    const withoutTools = await sandbox.dockform(["volume", "snapshot", volume, "--json"], {
      env: { PATH: "/no/tools/here" },
    });
    const message = /there is no helper image, and none can be built: .*lacks tar, zstd/;
    assertError(withoutTools, { exitCode: 1, message, hint: /registry.*DOCKFORM_HELPER_IMAGE/ });
  },
);

test(
  "an image with a user, volumes, a health check and commands of its own works like any other",
  { skip },
  async () => {
    await using own = await startPrivateEngine();
    await using base = await importBusyboxWithTools(own.host);
    await using sandbox = await Sandbox.create(own.host);
    const odd = `FROM ${base.reference}
USER 12345:12345
WORKDIR /somewhere
VOLUME ["/cache", "/scratch"]
HEALTHCHECK --interval=1s CMD false
ENV LC_ALL=de_DE.UTF-8 TAPE=/nowhere TAR_OPTIONS=--exclude=names ZSTD_CLEVEL=19
ENTRYPOINT ["/bin/false"]
CMD ["/bin/false"]
`;
    await using image = await builtImage(sandbox, odd);
    const options = { env: { DOCKFORM_HELPER_IMAGE: image.reference } };
    const [from, into] = [await sandbox.volume("from"), await sandbox.volume("into")];
    await makeOddTree(from.folder, { smallFiles: 1 });
    await sandbox.declare(from.name, into.name);
    const { archive } = await sandbox.snapshot(from.name, [], options);
    await sandbox.restore(into.name, archive, [], options);
    const before = await describeTree(from.folder, { sockets: false });
    assert.deepEqual(differences(before, await describeTree(into.folder)).slice(0, 20), []);
    const left = (await listVolumes(sandbox.engine)).map(({ name }) => name);
    assert.deepEqual(left.toSorted(), [from.name, into.name]);
    assert.deepEqual(await sandbox.leftBehind(), []);
  },
);

/** An image that another one was changed into; it goes at the end of its scope. */
async function builtImage(sandbox: Sandbox, dockerfile: string): Promise<TestImage> {
  const reference = `${sandbox.prefix}:${String(dockerfile.length)}`;
  const client = new EngineClient({ context: "default", host: sandbox.host });
  await buildImage(client, packDockerfile(dockerfile), reference);
  assert.ok(await findImage(client, reference));
  return {
    reference,
    [Symbol.asyncDispose]: async () => {
      await client.json("DELETE", `/images/${reference}?force=1`);
      client.close();
    },
  };
}
