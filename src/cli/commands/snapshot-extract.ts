import { resolve } from "node:path";
import { formatBytes, formatCount } from "../../format.ts";
import { Archive } from "../../archive/archive.ts";
import { extractPaths } from "../../archive/extract.ts";
import type { Session } from "../session.ts";
import type { SnapshotExtractOptions } from "../spec/snapshot.ts";
import { typedPath } from "../../app/typed-path.ts";

export async function snapshotExtract(
  session: Session,
  reference: string,
  paths: readonly string[],
  options: SnapshotExtractOptions,
): Promise<void> {
  using workspace = await session.openWorkspace(options.store);
  const catalog = workspace.catalog();
  await using archive = await Archive.open(await catalog.find(reference));
  const folder = resolve(session.io.cwd, options.output);
  const report = await extractPaths(archive, paths.map(typedPath), folder, session.tools);
  for (const line of report.notRestored) session.log.warn(`not restored: ${line}`);
  const { entries, fileBytes, notRestored } = report;
  session.result<"snapshot extract">(
    {
      archive: archive.path,
      folder,
      entry_count: entries,
      file_bytes: fileBytes,
      not_restored: notRestored,
    },
    [
      `Extracted ${formatCount(entries, "entry", "entries")}, ${formatBytes(fileBytes)}, into ${session.displayPath(folder)}`,
    ],
  );
}
