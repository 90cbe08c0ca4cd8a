import { VERSION } from "../../version.ts";
import type { Session } from "../session.ts";

export async function version(session: Session): Promise<void> {
  const { nodeVersion, platform, machine } = session.io;
  session.result<"version">({ version: VERSION, node: nodeVersion, platform, machine }, [
    `dockform ${VERSION} (Node.js ${nodeVersion}, ${platform} ${machine})`,
  ]);
}
