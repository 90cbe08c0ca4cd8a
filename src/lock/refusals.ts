/** What is in the way of an operation on a volume: another one, or what one that was cut short has left. */
import { DockformError, type Advice } from "../errors.ts";
import {
  describeOperation,
  interruptionIn,
  type FoundOperation,
  type FoundRecord,
  type Journal,
} from "../journal/operation.ts";

/** @throws DockformError `refused` when one of the operations was interrupted. */
export function refuseInterrupted(journal: Journal): void {
  const found = interruptionIn(journal);
  if (found === undefined) return;
  throw interrupted(found, "operation" in found ? found.operation.volume : found.volume);
}

/** Another client works on the volume. */
export class AtWorkError extends DockformError {
  constructor({ operation, standing, containerName }: FoundOperation) {
    const { volume } = operation;
    const unproven: readonly Advice[] =
      standing === "unstarted" ? [{ code: "recover", volume, when: "unstarted" }] : [];
    super(
      "volume.busy",
      `another client is working on volume "${volume}": ${describeOperation(operation)} (container ${containerName})`,
      {
        hint: "Nothing was touched. Run the command again when it has finished.",
        advice: unproven,
        data: { holder: operation },
      },
    );
  }
}

/** An operation on the volume was cut short, and nobody has brought it to its end yet. */
export function interrupted(
  found: FoundOperation | FoundRecord | undefined,
  volume: string,
): DockformError {
  const what =
    found !== undefined && "operation" in found
      ? describeOperation(found.operation)
      : "the containers that it stopped, or its files, are still as it left them";
  return new DockformError(
    "volume.interrupted",
    `an operation on volume "${volume}" was interrupted: ${what}`,
    {
      hint: "Nothing was touched.",
      advice: [{ code: "recover", volume, when: "interrupted" }],
      data: { interrupted: volume },
    },
  );
}
