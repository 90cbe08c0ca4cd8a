import { measure } from "../measure.ts";
import { extraRow, type Row } from "../report.ts";
import type { Stage } from "../stage.ts";
import { inRounds, type Case } from "./case.ts";

const STARTS = 15;

export const startupCase: Case = {
  name: "startup",
  run: async (stage: Stage): Promise<readonly Row[]> => {
    const rounds = await inRounds(STARTS, async () => ({
      node: await measure([process.execPath, "-e", "0"]),
      version: await measure(stage.dockform("--version")),
      help: await measure(stage.dockform("snapshot", "--help")),
    }));
    const row = (name: string, side: "version" | "help"): Row =>
      extraRow(
        name,
        "node -e 0",
        40,
        rounds.map((round) => ({ reference: round.node, dockform: round[side] })),
      );
    return [row("--version", "version"), row("snapshot --help", "help")];
  },
};
