import { writeTar, type WrittenEntry } from "../../src/tar/write.ts";
import type { FakeAnswer } from "./agent.ts";

const ENTRY: Omit<WrittenEntry, "path" | "type"> = {
  mode: 0o644,
  uid: 0,
  gid: 0,
  mtimeNs: 0n,
  sizeBytes: 0,
  linkTarget: "",
  device: undefined,
  xattrs: new Map(),
  acl: { access: "", default: "" },
  extents: undefined,
  data: async function* () {},
};

/** Names that are not files, by the type and what they point to: `{ b: ["hardlink", "./a"] }`. */
export type FakeLinks = Readonly<
  Record<string, readonly [type: "hardlink" | "symlink", target: string]>
>;

/** The tar stream of a volume with files of this content, and links behind them. */
export async function tarOf(
  files: Readonly<Record<string, string>>,
  links: FakeLinks = {},
): Promise<Buffer> {
  const entries = [
    folderEntry("./"),
    ...Object.entries(files).map(([path, content]) => fileEntry(`./${path}`, content)),
    ...Object.entries(links).map(([path, [type, linkTarget]]): WrittenEntry => ({
      ...ENTRY,
      path: `./${path}`,
      type,
      linkTarget,
    })),
  ];
  return tarOfEntries(entries);
}

/** The tar stream of these entries. */
export async function tarOfEntries(entries: readonly WrittenEntry[]): Promise<Buffer> {
  const all = async function* (): AsyncGenerator<WrittenEntry> {
    yield* entries;
  };
  return Buffer.concat(await Array.fromAsync(writeTar(all()), (chunk) => Buffer.from(chunk)));
}

export function folderEntry(path: string, fields: Partial<WrittenEntry> = {}): WrittenEntry {
  return { ...ENTRY, path, type: "folder", mode: 0o755, ...fields };
}

export function fileEntry(
  path: string,
  content: string,
  fields: Partial<WrittenEntry> = {},
): WrittenEntry {
  const bytes = Buffer.from(content);
  const data = async function* (): AsyncGenerator<{ positionBytes: number; bytes: Buffer }> {
    if (bytes.length > 0) yield { positionBytes: 0, bytes };
  };
  return { ...ENTRY, path, type: "file", sizeBytes: bytes.length, data, ...fields };
}

/** What a helper says when it has archived a volume with a root folder and one file. */
export function archivedReply(
  data: Uint8Array,
  facts: Readonly<Record<string, string>> = {},
  messages: readonly string[] = [],
): FakeAnswer {
  const counts = { attributes: "0", acls: "0", devices: "0", fifos: "0", symlinks: "0" };
  const statuses = { tar_status: "0", zstd_status: "0", looked_status: "0", listened: "1" };
  const sums = { files: "1", entries: "2", owners: "0/0", hard_links: "0" };
  return {
    data,
    facts: { ...counts, ...statuses, ...sums, ...facts },
    messages: [...messages, "Total bytes written: 10240 (10KiB, 71MiB/s)"],
  };
}
