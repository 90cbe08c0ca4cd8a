/** Archives that are damaged, cut short or made to do harm: read right, or refused by name and place. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { constants, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { DockformError } from "../errors.ts";
import { decompressZstd } from "./zstd.ts";
import { TarReader } from "./entries.ts";
import { hostileArchives, truncatedArchives } from "../../test/fixtures/hostile.ts";
import { intactTar, intactTarZst, type HostileArchive } from "../../test/fixtures/hostile-tar.ts";
import {
  inChunks,
  readAll,
  readTar,
  readTarZst,
  type ReadEntry,
} from "../../test/fixtures/tar-streams.ts";

function read({ extension, data }: HostileArchive): Promise<readonly ReadEntry[]> {
  return extension === ".tar" ? readTar(data) : readTarZst(data);
}

function isDamage(error: unknown): boolean {
  assert.ok(error instanceof DockformError, String(error));
  assert.equal(error.kind, "integrity");
  assert.match(error.message, /^the archive is damaged: .+ \((about )?byte \d+ of the /);
  assert.match(error.hint ?? "", /./);
  return true;
}

/** Sound archives of what no file system can hold: whoever makes files of it finds out, not whoever reads. */
const IMPOSSIBLE = ["a folder that is not empty, then a file of its name", "a file inside a file"];

/** Not damaged, but of no file system. */
const BEYOND_BOUNDS = ["a folder 10000 levels deep", "a file 10000 levels deep"];

for (const archive of hostileArchives()) {
  if (!BEYOND_BOUNDS.includes(archive.name)) continue;
  test(`refused in one short line, before the rest is read: ${archive.name}`, async () => {
    const rest = Buffer.from("what follows would be damage");
    const tar = Buffer.concat([archive.data.subarray(0, -1024), rest]);
    await assert.rejects(read({ ...archive, data: tar }), {
      code: "archive.beyond-bounds",
      message:
        /^the archive is refused: there is a path of 10000 levels \(byte \d+ of the tar stream\)$/,
    });
  });
}

const LARGE_WINDOW = "a frame that asks for 2 GiB of memory";

test(`read where there is memory, else refused: ${LARGE_WINDOW}`, async () => {
  const archive = hostileArchives().find(({ name }) => name === LARGE_WINDOW);
  assert.ok(archive);
  await assert.rejects(read(archive), {
    kind: "refused",
    message: /^the archive was compressed with a window of 2048 MiB \(zstd --long=31\), and /,
    hint: /zstd -dc --long=31 'the archive' \| zstd -o/,
  });
  const tar = decompressZstd(inChunks(archive.data), "the archive", undefined, 2 ** 31);
  assert.equal((await readAll(new TarReader(tar, "the archive").entries())).length, 5);
});

/** Whole archives without an entry: whoever restores one refuses that. */
const EMPTY = ["zeros only (.tar)", "compressed zeros (.tar.zst)"];

for (const archive of hostileArchives()) {
  if (!EMPTY.includes(archive.name)) continue;
  test(`empty: ${archive.name}`, async () => assert.deepEqual(await read(archive), []));
}

for (const archive of hostileArchives()) {
  if (archive.expectation !== "refused" || IMPOSSIBLE.includes(archive.name)) continue;
  if ([...EMPTY, ...BEYOND_BOUNDS].includes(archive.name)) continue;
  test(`refused: ${archive.name}`, () => assert.rejects(read(archive), isDamage));
}

for (const archive of hostileArchives()) {
  if (archive.expectation !== "confined" || archive.name === LARGE_WINDOW) continue;
  test(`read as it is: ${archive.name}`, async () => {
    const entries = await read(archive);
    for (const [name, content] of Object.entries(archive.contents ?? {})) {
      const last = entries.findLast(({ path }) => path.replace(/^[./]+/, "") === name);
      assert.equal(last?.content.toString(), content);
    }
  });
}

for (const extension of [".tar", ".tar.zst"] as const) {
  test(`a ${extension} that was cut short is refused wherever it was cut`, async () => {
    for (const archive of truncatedArchives(extension)) {
      await assert.rejects(read(archive), isDamage, archive.name);
    }
  });
}

test("a lone empty block, and bytes after the end mark, are not passed over", async () => {
  const whole = intactTar();
  const lone = Buffer.concat([whole.subarray(0, -512), whole]);
  await assert.rejects(readTar(lone), /a lone empty block \(byte/);
  await assert.rejects(readTar(whole.subarray(0, -512)), /cut short in its end mark/);
  const hidden = Buffer.concat([whole, Buffer.from("hidden")]);
  await assert.rejects(readTar(hidden), /data follows the end of the archive/);
});

test("any flipped byte of a header, or of a compressed archive, is found", async () => {
  const stored = intactTarZst();
  for (let at = 0; at < stored.length; at += 13) {
    await assert.rejects(readTarZst(flipped(stored, at)), isDamage, `byte ${at} of .tar.zst`);
  }
  const tar = intactTar();
  for (let at = 0; at < 512; at += 7) {
    await assert.rejects(readTar(flipped(tar, at)), isDamage, `byte ${at} of .tar`);
  }
});

function flipped(data: Buffer, at: number): Buffer {
  const copy = Buffer.from(data);
  copy.writeUInt8(copy.readUInt8(at) ^ 0x10, at);
  return copy;
}

test("a message says where: the byte of the header that is damaged", async () => {
  const tar = intactTar();
  // The root, then a file with one block of content, then the header that is damaged.
  await assert.rejects(readTar(flipped(tar, 3 * 512 + 10)), /\(byte 1536 of the tar stream\)/);
});

test("whatever the chunks a stream arrives in, its entries are the same", async () => {
  const tar = intactTar();
  const stored = zstdCompressSync(tar, { params: { [constants.ZSTD_c_checksumFlag]: 1 } });
  const twoFrames = Buffer.concat([
    zstdCompressSync(tar.subarray(0, 3000)),
    Buffer.from("5f2a4d1803000000616263", "hex"),
    zstdCompressSync(tar.subarray(3000)),
  ]);
  const expected = await readTar(tar, [tar.length]);
  const lengths = fc.array(
    fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 2000 })),
    {
      minLength: 1,
      maxLength: 30,
    },
  );
  await fc.assert(
    fc.asyncProperty(lengths, async (cuts) => {
      assert.deepEqual(await readTar(tar, cuts), expected);
      for (const data of [stored, twoFrames]) {
        // zlib reads later than a chunk is handed over, as from a file with two buffers.
        const chunks = decompressZstd(keepingChunks(data, cuts), "the archive");
        assert.deepEqual(await readAll(new TarReader(chunks, "the archive").entries()), expected);
      }
    }),
    { numRuns: 30 },
  );
});

async function* keepingChunks(
  data: Uint8Array,
  lengths: readonly number[],
): AsyncGenerator<Uint8Array> {
  for await (const chunk of inChunks(data, lengths)) yield Uint8Array.from(chunk);
}

test("an interruption ends reading at the next chunk, and the source with it", async () => {
  const { signal, abort } = abortable();
  let closed = false;
  async function* source(): AsyncGenerator<Uint8Array> {
    try {
      for await (const chunk of inChunks(intactTarZst(), [100])) {
        yield Uint8Array.from(chunk);
        abort();
      }
    } finally {
      closed = true;
    }
  }
  const tar = decompressZstd(source(), "the archive", signal);
  const reading = readAll(new TarReader(tar, "the archive", signal).entries());
  await assert.rejects(reading, { kind: "interrupted" });
  assert.ok(closed);
});

function abortable(): { readonly signal: AbortSignal; readonly abort: () => void } {
  const controller = new AbortController();
  const reason = new DockformError("command.interrupted", "interrupted");
  return { signal: controller.signal, abort: () => controller.abort(reason) };
}
