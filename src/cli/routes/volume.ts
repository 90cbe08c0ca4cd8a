import type { Group } from "../spec/root.ts";
import { volumeCopySpec, volumeMoveSpec } from "../spec/volume-copy.ts";
import {
  volumeListSpec,
  volumeSnapshotSpec,
  volumeRestoreSpec,
  volumeUndoSpec,
  volumeRecoverSpec,
} from "../spec/volume.ts";
import type { Start } from "../session.ts";

/** `volume list`, `snapshot`, `restore`, `copy`, `move`, `undo` and `recover`. */
export function addVolumeCommands(volume: Group, start: Start): void {
  volumeListSpec(volume).action(async (options, command) => {
    const { volumeList } = await import("../commands/volume-list.ts");
    await volumeList(start(command), options);
  });
  volumeSnapshotSpec(volume).action(async (names, options, command) => {
    const { volumeSnapshot } = await import("../commands/volume-snapshot.ts");
    await volumeSnapshot(start(command), names, options);
  });
  volumeRestoreSpec(volume).action(async (name, path, options, command) => {
    const { volumeRestore } = await import("../commands/volume-restore.ts");
    await volumeRestore(start(command), name, path, options);
  });
  volumeCopySpec(volume).action(async (source, target, options, command) => {
    const { volumeCopy } = await import("../commands/volume-copy.ts");
    await volumeCopy(start(command), source, target, options);
  });
  volumeMoveSpec(volume).action(async (source, target, options, command) => {
    const { volumeMove } = await import("../commands/volume-move.ts");
    await volumeMove(start(command), source, target, options);
  });
  volumeUndoSpec(volume).action(async (name, options, command) => {
    const { volumeUndo } = await import("../commands/volume-undo.ts");
    await volumeUndo(start(command), name, options);
  });
  volumeRecoverSpec(volume).action(async (name, options, command) => {
    const { volumeRecover } = await import("../commands/volume-recover.ts");
    await volumeRecover(start(command), name, options);
  });
}
