import { formatBytes } from "../src/format.ts";
import type { Run } from "./measure.ts";
import type { Row } from "./report.ts";

const CLIENT_LIMIT_BYTES = 120e6;
/** What scatters from run to run, and does not grow. */
const FLAT_FACTOR = 1.25;

/** Peak memory of the largest beside that of the smallest; the runs are in that order. */
export function memoryRow(name: string, runs: readonly Run[]): Row {
  const [smallest, largest] = [runs.at(0), runs.at(-1)];
  if (smallest === undefined || largest === undefined) throw new Error("nothing was run");
  const clientGrowth = largest.peakBytes / smallest.peakBytes;
  return {
    case: name,
    against: "memory of the smallest",
    reference: formatBytes(smallest.peakBytes),
    dockform: formatBytes(largest.peakBytes),
    figure: clientGrowth.toFixed(2),
    aim: "120 MB, flat",
    met: largest.peakBytes <= CLIENT_LIMIT_BYTES && clientGrowth <= FLAT_FACTOR,
    clientPeakBytes: largest.peakBytes,
    helperPeakBytes: largest.containersPeakBytes,
    rounds: runs.map(({ seconds, peakBytes, containersPeakBytes }) => ({
      seconds,
      clientPeakBytes: peakBytes,
      helperPeakBytes: containersPeakBytes,
    })),
  };
}
