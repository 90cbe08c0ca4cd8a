import { formatCount } from "../../format.ts";
import type { Session } from "../session.ts";

export async function validate(session: Session): Promise<void> {
  using workspace = await session.openWorkspace();
  const { manifest, path } = workspace.requireManifest();
  const contexts = manifest.contexts.map(({ name, host, volumes }) => ({
    context: name ?? null,
    name: name ?? null,
    host: host ?? null,
    volumes: [...volumes.keys()],
  }));
  const volumeCount = contexts.reduce((total, { volumes }) => total + volumes.length, 0);
  session.result<"validate">(
    {
      valid: true,
      manifest: path,
      identifier: manifest.identifier ?? null,
      store: workspace.store.title,
      contexts,
    },
    [
      `${manifest.file} is valid: ${formatCount(volumeCount, "volume")} in ${formatCount(contexts.length, "context")}`,
    ],
  );
}
