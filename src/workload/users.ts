import type { ContainerSummary } from "../engine/containers.ts";
import type { EngineVolume } from "../engine/volumes.ts";
import { HELPER_LABEL } from "../journal/operation.ts";

const COMPOSE_SERVICE_LABEL = "com.docker.compose.service";
const COMPOSE_PROJECT_LABEL = "com.docker.compose.project";

/** A container that has a volume mounted, whatever its state. */
export interface VolumeUser {
  readonly container: ContainerSummary;
  /** Whether it can write to the volume. */
  readonly readWrite: boolean;
}

/**
 * Those of some containers that see a volume's files, running or not: by mounting the volume, or by
 * mounting its folder on the engine's host. Our own are left out.
 */
export function usersAmong(
  containers: readonly ContainerSummary[],
  volume: EngineVolume,
): readonly VolumeUser[] {
  return containers
    .filter((container) => container.labels[HELPER_LABEL] === undefined)
    .flatMap((container) => {
      const mounts = container.mounts.filter((mount) => showsVolume(mount, volume));
      return mounts.length === 0
        ? []
        : [{ container, readWrite: mounts.some((mount) => mount.readWrite) }];
    });
}

/** The users of any of some volumes, each once. */
export function usersOfAny(
  containers: readonly ContainerSummary[],
  volumes: readonly EngineVolume[],
): readonly VolumeUser[] {
  const users = new Map<string, VolumeUser>();
  for (const user of volumes.flatMap((volume) => usersAmong(containers, volume))) {
    const known = users.get(user.container.id);
    users.set(user.container.id, known?.readWrite === true ? known : user);
  }
  return [...users.values()];
}

function showsVolume(mount: ContainerSummary["mounts"][number], volume: EngineVolume): boolean {
  if (mount.type === "volume") return mount.name === volume.name;
  // A volume plugin may have no folder on the host.
  const folders = [volume.mountpoint, ...boundFolder(volume)]
    .map((folder) => folder.replace(/\/+$/, ""))
    .filter((folder) => folder !== "");
  return folders.some((folder) => mount.source === folder || mount.source.startsWith(`${folder}/`));
}

/** Where a volume's files are on the engine's host, as long as they are mounted. */
export function hostFolder(volume: EngineVolume): string {
  return boundFolder(volume)[0] ?? volume.mountpoint;
}

/** The `local` driver can bind a folder of the host: `o=bind, device=/srv/data`. */
function boundFolder({ driver, driverOpts }: EngineVolume): readonly string[] {
  const options = (driverOpts["o"] ?? "").split(",");
  const device = driverOpts["device"];
  const binds = options.includes("bind") || options.includes("rbind");
  return driver === "local" && binds && device !== undefined ? [device] : [];
}

/** Whether a container's processes exist, so that they may use the volume right now. */
export function isActive({ state }: ContainerSummary): boolean {
  return state === "running" || state === "paused" || state === "restarting";
}

/** A container as people know it: by its service where Docker Compose made it. */
export function containerTitle(container: ContainerSummary): string {
  const service = composeService(container);
  return service === undefined
    ? container.name
    : `${container.name} (service ${service.service} of ${service.project})`;
}

/** The Compose service that a container belongs to, by the labels Compose writes. */
export function composeService(
  container: ContainerSummary,
): { readonly project: string; readonly service: string } | undefined {
  const service = container.labels[COMPOSE_SERVICE_LABEL];
  const project = container.labels[COMPOSE_PROJECT_LABEL];
  return service === undefined || project === undefined ? undefined : { project, service };
}
