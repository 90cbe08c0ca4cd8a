import { writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { listVolumes, type EngineVolume } from "../../engine/volumes.ts";
import { DockformError, messageOf, systemCode } from "../../errors.ts";
import { MANIFEST_FILE_NAMES } from "../../manifest/manifest.ts";
import { showable } from "../../showable.ts";
import { loadManifest } from "../../app/manifest-file.ts";
import type { Session } from "../session.ts";
import { Workspace } from "../../app/workspace.ts";

const ANONYMOUS_VOLUME = /^[0-9a-f]{64}$/;

export async function init(session: Session): Promise<void> {
  const { io, log, options } = session;
  await refuseExisting(session);
  const { name, volumes } = await volumesOfContext(session);
  const path = join(io.cwd, MANIFEST_FILE_NAMES[0] ?? "");
  const text = starterManifest(identifierFor(io.cwd), options.context ?? name, volumes);
  try {
    await writeFile(path, text, { flag: "wx" });
  } catch (error) {
    throw new DockformError("manifest.unwritable", `cannot write ${path}: ${messageOf(error)}`, {
      hint: "Check the folder's owner and mode.",
      cause: error,
    });
  }
  if (volumes === undefined) log.warn("the engine was not reached, so its volumes are not listed");
  session.result<"init">(
    { manifest: path, volumes: (volumes ?? []).map((volume) => volume.name) },
    [`Wrote ${path}`, "Declare your volumes in it, then run: dockform plan"],
  );
}

async function refuseExisting(session: Session): Promise<void> {
  // A manifest that is not valid is one that exists, too.
  const exists = await loadManifest(await session.surroundings(), undefined).then(
    (file) => file !== undefined,
    (error: unknown) => systemCode(error) === undefined,
  );
  if (!exists) return;
  throw new DockformError("manifest.exists", `there is a manifest in ${session.io.cwd} already`, {
    hint: "init never overwrites one. Edit it, or run init in another folder.",
  });
}

async function volumesOfContext(
  session: Session,
): Promise<{ readonly name: string; readonly volumes: readonly EngineVolume[] | undefined }> {
  const { io, options } = session;
  using workspace = await Workspace.open(await session.surroundings(), {
    manifest: undefined,
    context: options.context,
  });
  const [context] = await workspace.contexts();
  if (context === undefined) return { name: "default", volumes: undefined };
  try {
    return {
      name: context.name,
      volumes: await listVolumes(context.engine, io.interruption.signal),
    };
  } catch (error) {
    if (!(error instanceof DockformError && error.kind === "unreachable")) throw error;
    return { name: context.name, volumes: undefined };
  }
}

function identifierFor(folder: string): string {
  const name = basename(folder)
    .toLowerCase()
    .replaceAll(/[^a-z0-9_-]+/g, "-")
    .replaceAll(/^-+|-+$/g, "");
  return name === "" ? "myproject" : name;
}

function starterManifest(
  identifier: string,
  context: string,
  volumes: readonly EngineVolume[] | undefined,
): string {
  const named = (volumes ?? []).filter((volume) => !ANONYMOUS_VOLUME.test(volume.name));
  // A line end in a name would end the comment.
  const list = named.map((volume) => `  # ${showable(volume.name)}: {}\n`).join("");
  return `# What dockform looks after. Check it with: dockform validate
docker:
  context: ${JSON.stringify(context)}
  # Labels the volumes that this manifest creates, so that destroy finds them again.
  identifier: ${identifier}

# ${named.length === 0 ? "No volumes exist" : "These volumes exist"} in that context. Declare one by a line like: name: {}
volumes:
${list}`;
}
