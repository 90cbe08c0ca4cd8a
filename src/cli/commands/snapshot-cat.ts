import { Archive } from "../../archive/archive.ts";
import { fileContent } from "../../archive/find-file.ts";
import type { Session } from "../session.ts";
import type { SnapshotCatOptions } from "../spec/snapshot.ts";
import { notInArchive, typedPath } from "../../app/typed-path.ts";

export async function snapshotCat(
  session: Session,
  reference: string,
  path: string,
  options: SnapshotCatOptions,
): Promise<void> {
  using workspace = await session.openWorkspace(options);
  const catalog = workspace.catalog();
  await using archive = await Archive.open(await catalog.find(reference));
  const content = await fileContent(archive, typedPath(path), session.tools);
  if (content === undefined) throw notInArchive(path, archive.path);
  await session.streamResult(content);
}
