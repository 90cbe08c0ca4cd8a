import type { ConfiguredMount, ContainerConfig } from "../engine/container-config.ts";
import type { EngineVolume } from "../engine/volumes.ts";

/**
 * What a drill's copy of a container gets in place of each of the original's mounts:
 * - `restored`: the throw-away volume with what the snapshot holds;
 * - `empty`: an empty volume that goes away with the copy. The original writes there, and the copy must not;
 * - `shown`: the same, read-only, once it is known that nothing in it is a door to somebody else;
 * - `left out`: nothing.
 */
export type CopiedMount =
  | {
      readonly use: "restored";
      readonly mount: ConfiguredMount;
      readonly subpath: string | undefined;
    }
  | { readonly use: "empty" | "shown" | "left out"; readonly mount: ConfiguredMount };

/** Folders of a host that a program works on the host through, not with its own data. */
const SYSTEM_FOLDERS = ["/proc", "/sys", "/dev", "/run", "/var/run", "/var/lib/docker"];

/** What becomes of each mount, as far as it can be told from the mounts alone. */
export function copyMounts(
  original: ContainerConfig,
  volume: EngineVolume,
): readonly CopiedMount[] {
  return original.Mounts.map((mount): CopiedMount => {
    if (isMountOf(mount, volume)) {
      return { use: "restored", mount, subpath: subpathOf(original, mount) };
    }
    if (mount.Type === "volume") return { use: mount.RW ? "empty" : "shown", mount };
    const isPart = mount.Source.startsWith(`${withoutSlash(volume.mountpoint)}/`);
    if (mount.Type !== "bind" || isPart || isSystem(mount.Source))
      return { use: "left out", mount };
    return { use: "shown", mount };
  });
}

/** Whether a mount shows the volume's root, as a volume or by its folder on the host. */
function isMountOf({ Type, Name, Source }: ConfiguredMount, volume: EngineVolume): boolean {
  if (Type === "volume") return Name === volume.name;
  return volume.mountpoint !== "" && withoutSlash(Source) === withoutSlash(volume.mountpoint);
}

function isSystem(source: string): boolean {
  const path = withoutSlash(source);
  return path === "" || SYSTEM_FOLDERS.some((each) => path === each || path.startsWith(`${each}/`));
}

function withoutSlash(path: string): string {
  return path.replace(/\/+$/, "");
}

/** A mount may show a folder of the volume in place of its root (Docker 26 and later). */
function subpathOf({ HostConfig }: ContainerConfig, mount: ConfiguredMount): string | undefined {
  const mounts: unknown = HostConfig["Mounts"];
  if (!Array.isArray(mounts)) return undefined;
  for (const each of mounts as readonly unknown[]) {
    if (field(each, "Target") !== mount.Destination) continue;
    const subpath = field(field(each, "VolumeOptions"), "Subpath");
    if (typeof subpath === "string" && subpath !== "") return subpath;
  }
  return undefined;
}

function field(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null) return undefined;
  return Object.entries(value).find(([key]) => key === name)?.[1];
}

/** Of the container's configuration, what it runs and as whom. */
const KEPT_CONFIG = [
  "Cmd",
  "Entrypoint",
  "Env",
  "User",
  "WorkingDir",
  "Hostname",
  "Domainname",
  "Healthcheck",
  "StopSignal",
  "StopTimeout",
  "Shell",
];

/** Limits, and what narrows its rights. What widens them, or leads out, is left out. */
const KEPT_HOST_CONFIG = [
  "Memory",
  "MemoryReservation",
  "MemorySwap",
  "NanoCpus",
  "CpuShares",
  "CpuQuota",
  "CpuPeriod",
  "CpusetCpus",
  "PidsLimit",
  "ShmSize",
  "Ulimits",
  "Tmpfs",
  "ReadonlyRootfs",
  "CapDrop",
  "Init",
  "GroupAdd",
];

/** Docker's own default, which a container that drops all gets back one by one, and two harmless ones. */
const KEPT_CAPABILITIES = new Set([
  "AUDIT_WRITE",
  "CHOWN",
  "DAC_OVERRIDE",
  "FOWNER",
  "FSETID",
  "IPC_LOCK",
  "KILL",
  "MKNOD",
  "NET_BIND_SERVICE",
  "NET_RAW",
  "SETFCAP",
  "SETGID",
  "SETPCAP",
  "SETUID",
  "SYS_CHROOT",
  "SYS_NICE",
]);

export interface CopyOptions {
  readonly mounts: readonly CopiedMount[];
  /** The throw-away volume's name. */
  readonly volume: string;
  readonly network: string;
  readonly labels: Readonly<Record<string, string>>;
}

export interface ContainerCopy {
  /** For the engine. */
  readonly definition: Readonly<Record<string, unknown>>;
  /** How the copy differs from the original, besides what every drill does. */
  readonly differences: readonly string[];
}

/**
 * A container like another one that can do nothing to anything outside: no published ports, no network but
 * one of its own, no namespaces or devices of the host, no rights that lead out of it, no volume of the
 * original that it could write to.
 */
export function copyContainer(original: ContainerConfig, options: CopyOptions): ContainerCopy {
  const { mounts, network, labels } = options;
  const { Config, HostConfig } = original;
  const added = strings(HostConfig["CapAdd"]).map((name) =>
    name.toUpperCase().replace(/^CAP_/, ""),
  );
  const security = strings(HostConfig["SecurityOpt"]);
  const definition = {
    ...picked(Config, KEPT_CONFIG),
    Image: original.Image,
    Labels: labels,
    HostConfig: {
      ...picked(HostConfig, KEPT_HOST_CONFIG),
      CapAdd: added.filter((name) => KEPT_CAPABILITIES.has(name)),
      SecurityOpt: security.filter((option) => option.startsWith("no-new-privileges")),
      NetworkMode: network,
      // The original's may send what it logs elsewhere.
      LogConfig: { Type: "json-file", Config: { "max-size": "10m" } },
      Mounts: [
        ...mounts.flatMap((each) => mountDefinition(each, options)),
        ...temporaryMounts(HostConfig["Mounts"]),
      ],
    },
  };
  return {
    definition,
    differences: [...mounts.flatMap(mountDifference), ...rightsLeftOut(original)],
  };
}

function mountDefinition(
  copied: CopiedMount,
  { volume, labels }: CopyOptions,
): readonly Readonly<Record<string, unknown>>[] {
  const { mount } = copied;
  const Target = mount.Destination;
  switch (copied.use) {
    case "restored": {
      const subpath = copied.subpath === undefined ? {} : { Subpath: copied.subpath };
      const VolumeOptions = { NoCopy: true, ...subpath };
      return [{ Type: "volume", Source: volume, Target, ReadOnly: !mount.RW, VolumeOptions }];
    }
    case "empty":
      return [{ Type: "volume", Target, VolumeOptions: { Labels: labels } }];
    case "shown":
      return [{ ...shownSource(mount), Target, ReadOnly: true }];
    case "left out":
      return [];
  }
}

/** What is mounted below a folder would not be read-only with it, so it is not shown at all. */
export function shownSource(mount: ConfiguredMount): Readonly<Record<string, unknown>> {
  return mount.Type === "volume"
    ? { Type: "volume", Source: mount.Name, VolumeOptions: { NoCopy: true } }
    : { Type: "bind", Source: mount.Source, BindOptions: { NonRecursive: true } };
}

/** Memory that is empty at each start. */
function temporaryMounts(mounts: unknown): readonly unknown[] {
  return Array.isArray(mounts)
    ? (mounts as readonly unknown[]).filter((each) => field(each, "Type") === "tmpfs")
    : [];
}

function mountDifference({ use, mount }: CopiedMount): readonly string[] {
  const what = mount.Type === "volume" ? `volume ${mount.Name ?? ""}` : mount.Source;
  switch (use) {
    case "restored":
      return [];
    case "empty":
      return [`${mount.Destination} is empty in place of ${what}`];
    case "shown":
      return mount.RW ? [`${mount.Destination} (${what}) is read-only`] : [];
    case "left out":
      return mount.Type === "tmpfs" ? [] : [`${mount.Destination} (${what}) is not mounted`];
  }
}

function rightsLeftOut({ HostConfig }: ContainerConfig): readonly string[] {
  const capabilities = strings(HostConfig["CapAdd"])
    .map((name) => name.toUpperCase().replace(/^CAP_/, ""))
    .filter((name) => !KEPT_CAPABILITIES.has(name));
  const security = strings(HostConfig["SecurityOpt"]).filter(
    (option) => !option.startsWith("no-new-privileges"),
  );
  const devices = HostConfig["Devices"];
  return [
    ...(HostConfig["Privileged"] === true ? ["it is not privileged"] : []),
    ...capabilities.map((name) => `it has no capability ${name}`),
    ...security.map((option) => `it runs without ${option.split("=")[0]?.split(":")[0]} options`),
    ...(Array.isArray(devices) && devices.length > 0 ? ["it has no devices"] : []),
  ];
}

function picked(
  from: Readonly<Record<string, unknown>>,
  names: readonly string[],
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(from).filter(([name, value]) => names.includes(name) && value !== null),
  );
}

function strings(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.filter((each) => typeof each === "string") : [];
}
