import type { EngineVolume } from "../engine/volumes.ts";
import { DockformError } from "../errors.ts";
import type { VolumeTarget } from "../lock/target.ts";
import { leadsElsewhere, withDeclaredLabels, withoutAnonymousLabel } from "../restore/create.ts";
import { withoutToolLabels, type VolumeShape } from "../snapshot/spec-hash.ts";

/** By these Compose knows whose a volume is, and which of that project's. */
const PROJECT_LABEL = "com.docker.compose.project";
const VOLUME_LABEL = "com.docker.compose.volume";

/**
 * How the copy of a volume is to be created: with its driver, options and labels. Under another name it belongs to no
 * Compose project, or to the one that is named. What the manifest declares wins.
 *
 * @param project the Compose project that the copy is to belong to.
 * @throws DockformError `refused` where the manifest declares it otherwise, or the copy would lead to the original.
 */
export function shapeOfCopy(
  source: EngineVolume,
  target: VolumeTarget,
  project: string | undefined,
): VolumeShape {
  const taken = takenFrom(source, target.volume, project);
  const { declaredShape, volume } = target;
  if (declaredShape === undefined) {
    refuseSecondWay(source, volume);
    return taken;
  }
  return withDeclaredLabels(taken, declaredShape, (differences) => {
    return new DockformError(
      "volume.declared-otherwise",
      `the manifest declares volume "${volume}" otherwise than volume "${source.name}" is: ${differences}`,
      {
        hint: "'There' is the volume that is copied, 'here' the manifest. Create the volume with `docker volume create`, or with what the manifest says, then copy again.",
      },
    );
  });
}

function takenFrom(
  { name, driver, driverOpts, labels }: EngineVolume,
  copy: string,
  project: string | undefined,
): VolumeShape {
  const shape = withoutAnonymousLabel({ driver, driverOpts, labels });
  if (project !== undefined) return inProject(shape, name, copy, project);
  return name === copy ? shape : withoutToolLabels(shape);
}

/** Compose looks for a project's volume by its name, and takes it for its own by its labels. */
function inProject(shape: VolumeShape, source: string, copy: string, project: string): VolumeShape {
  const volume = shape.labels[VOLUME_LABEL];
  if (volume === undefined) {
    throw new DockformError(
      "copy.no-project",
      `volume "${source}" belongs to no Compose project: it has no label ${VOLUME_LABEL}`,
      {
        hint: "Nothing was touched. Copy it as a volume of no project, under the name that is to be used.",
      },
    );
  }
  const expected = `${project}_${volume}`;
  if (copy !== expected) {
    throw new DockformError(
      "copy.other-name",
      `project ${project} would not find its volume ${volume} under the name "${copy}"`,
      { hint: `Nothing was touched. Copy it to ${expected}.` },
    );
  }
  const own = withoutToolLabels(shape);
  return { ...own, labels: { ...own.labels, [PROJECT_LABEL]: project, [VOLUME_LABEL]: volume } };
}

/** Options say where a volume's contents are, and those of the original are there already. */
function refuseSecondWay({ name, driverOpts }: EngineVolume, copy: string): void {
  if (name === copy || !leadsElsewhere(driverOpts)) return;
  throw new DockformError(
    "volume.same-contents",
    `with the options of volume "${name}", volume "${copy}" would lead to the same contents`,
    {
      hint: "Nothing was touched. Create it with `docker volume create` as it is to be, then copy again.",
    },
  );
}
