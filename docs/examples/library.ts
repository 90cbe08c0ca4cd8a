/**
 * Takes a snapshot of a volume, restores it and goes back again.
 *
 * usage: node library.ts VOLUME STORE
 */
import { DockformError, openDockform } from "dockform";

const [volume = "myapp_data", store = "snapshots"] = process.argv.slice(2);

const interruption = new AbortController();
process.once("SIGINT", () => interruption.abort());

await using dockform = await openDockform({
  store,
  signal: interruption.signal,
  on: (event) => {
    if (event.type === "phase") console.error(`${event.volumes.join(", ")}: ${event.phase}`);
    else if (event.type === "progress") console.error(`${event.task}: ${event.bytes} bytes`);
    else if (event.level === "warn") console.error(event.message);
  },
});

const { archive, fileCount } = await dockform.snapshot(volume, { note: "before the upgrade" });
console.log(`snapshot of ${fileCount} files: ${archive}`);

const { entryCount } = await dockform.verify(archive);
console.log(`verified: ${entryCount} entries`);

try {
  await dockform.restore(volume, archive, { undeclared: true });
} catch (error) {
  if (!(error instanceof DockformError && error.kind === "refused")) throw error;
  console.log(`refused: ${error.message}`);
}

const options = { undeclared: true, force: true, keepPrevious: true, stopContainers: true };
const plan = await dockform.planRestore(volume, archive, options);
console.log(`to be restored: ${plan.entryCount} entries`);
const { durations, containers } = await plan.run();
console.log(`restored, containers stopped: ${containers.length}`);
console.error(`swapped in ${durations.swapMs} ms`);

await dockform.undo(volume, { undeclared: true, stopContainers: true });
console.log("the contents from before the restore are back");

for (const { createdAt, note } of await dockform.listSnapshots(volume)) {
  console.log(`${createdAt.getUTCFullYear() > 2000 ? "snapshot" : "?"}: ${note}`);
}
