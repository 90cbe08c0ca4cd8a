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
  using workspace = await session.openWorkspace(options);
  const catalog = workspace.catalog();
  await using archive = await Archive.open(await catalog.find(reference));
  const folder = resolve(session.io.cwd, options.output);
  const request = {
    paths: paths.map(typedPath),
    folder,
    withPrivileges: options.privilegedEntries,
    userId: session.io.userId,
  };
  const report = await extractPaths(archive, request, session.tools);
  if (report.privilegedLeftOut > 0) session.log.warn(privilegedWarning(report.privilegedLeftOut));
  for (const line of report.notRestored) session.log.warn(`not restored: ${line}`);
  const { entries, fileBytes, notRestored } = report;
  session.result<"snapshot extract">(
    {
      archive: archive.path,
      folder,
      entry_count: entries,
      file_bytes: fileBytes,
      privileged_left_out: report.privilegedLeftOut,
      not_restored: notRestored,
    },
    [
      `Extracted ${formatCount(entries, "entry", "entries")}, ${formatBytes(fileBytes)}, into ${session.displayPath(folder)}`,
    ],
  );
}

function privilegedWarning(count: number): string {
  const entries = formatCount(count, "entry", "entries");
  return `left out of ${entries}: setuid, setgid, capabilities or the device itself (--privileged-entries brings them back)`;
}
