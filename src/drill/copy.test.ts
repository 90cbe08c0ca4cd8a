import assert from "node:assert/strict";
import { test } from "node:test";
import type { ConfiguredMount, ContainerConfig } from "../engine/container-config.ts";
import { copyContainer, copyMounts, type ContainerCopy } from "./copy.ts";

const VOLUME = {
  name: "data",
  driver: "local",
  driverOpts: {},
  labels: {},
  mountpoint: "/var/lib/docker/volumes/data/_data",
};

function original(parts: {
  readonly mounts?: readonly ConfiguredMount[];
  readonly config?: Readonly<Record<string, unknown>>;
  readonly host?: Readonly<Record<string, unknown>>;
}): ContainerConfig {
  return {
    Id: "1234",
    Name: "/app",
    Image: "sha256:1234",
    Mounts: parts.mounts ?? [],
    Config: { Image: "app:1", ...parts.config },
    HostConfig: parts.host ?? {},
  };
}

function copyOf(container: ContainerConfig): ContainerCopy {
  return copyContainer(container, {
    mounts: copyMounts(container, VOLUME),
    volume: "throw-away",
    network: "nowhere",
    labels: { ours: "yes" },
  });
}

function volumeMount(name: string, Destination: string, RW = true): ConfiguredMount {
  return { Type: "volume", Name: name, Source: `/x/${name}`, Destination, RW };
}

function bind(Source: string, RW = true): ConfiguredMount {
  return { Type: "bind", Name: undefined, Source, Destination: `/at${Source}`, RW };
}

function uses(...mounts: readonly ConfiguredMount[]): readonly string[] {
  return copyMounts(original({ mounts }), VOLUME).map(({ use }) => use);
}

test("the volume is replaced however it is mounted, and nothing else that is written to is shown", () => {
  assert.deepEqual(uses(volumeMount("data", "/data")), ["restored"]);
  assert.deepEqual(uses(bind(`${VOLUME.mountpoint}/`)), ["restored"]);
  assert.deepEqual(uses(volumeMount("other", "/o")), ["empty"]);
  assert.deepEqual(uses(volumeMount("other", "/o", false), bind("/srv/config")), [
    "shown",
    "shown",
  ]);
});

test("a part of the live volume, and what leads to the host's own programs, is left out", () => {
  for (const source of [
    `${VOLUME.mountpoint}/part`,
    "/var/run/docker.sock",
    "/run",
    "/run/dbus/",
    "/dev/sda",
    "/proc",
    "/sys/fs/cgroup",
    "/",
    "/var/lib/docker/volumes",
  ]) {
    assert.deepEqual(uses(bind(source, false)), ["left out"], source);
  }
  assert.deepEqual(uses(bind("/runner"), bind("/devices")), ["shown", "shown"]);
});

test("the copy runs the same as the same user, under the same limits", () => {
  const config = {
    Cmd: ["postgres"],
    Entrypoint: null,
    Env: ["A=b"],
    User: "999",
    WorkingDir: "/",
    Healthcheck: { Test: ["CMD", "true"] },
    Hostname: "db",
  };
  const host = {
    Memory: 1e9,
    ShmSize: 1e8,
    ReadonlyRootfs: true,
    CapDrop: ["ALL"],
    CapAdd: ["CAP_CHOWN"],
  };
  const { definition, differences } = copyOf(original({ config, host }));
  const { HostConfig: hostConfig, ...rest } = definition;
  const { Entrypoint: _none, ...kept } = config;
  assert.deepEqual(rest, { ...kept, Image: "sha256:1234", Labels: { ours: "yes" } });
  assert.deepEqual(hostConfig, {
    ...host,
    CapAdd: ["CHOWN"],
    SecurityOpt: [],
    NetworkMode: "nowhere",
    LogConfig: { Type: "json-file", Config: { "max-size": "10m" } },
    Mounts: [],
  });
  assert.deepEqual(differences, []);
});

test("nothing that leads out of it, or would come back, is copied", () => {
  const config = {
    ExposedPorts: { "80/tcp": {} },
    Labels: { "com.docker.compose.project": "home", "traefik.enable": "true" },
    Volumes: { "/data": {} },
  };
  const host = {
    Privileged: true,
    PidMode: "host",
    IpcMode: "host",
    UTSMode: "host",
    UsernsMode: "host",
    CgroupnsMode: "host",
    NetworkMode: "host",
    Links: ["/db:db"],
    PortBindings: { "80/tcp": [{ HostPort: "80" }] },
    PublishAllPorts: true,
    ExtraHosts: ["host.docker.internal:host-gateway"],
    Binds: ["/etc:/host"],
    VolumesFrom: ["other"],
    Devices: [{ PathOnHost: "/dev/kmsg" }],
    DeviceRequests: [{ Driver: "nvidia" }],
    CapAdd: ["ALL", "SYS_ADMIN", "CAP_SYS_NICE"],
    SecurityOpt: ["apparmor=unconfined", "seccomp=unconfined", "no-new-privileges:true"],
    RestartPolicy: { Name: "always" },
    AutoRemove: true,
    Runtime: "nvidia",
    CgroupParent: "/host",
    LogConfig: { Type: "syslog" },
    OomKillDisable: true,
    MaskedPaths: [],
  };
  const { definition, differences } = copyOf(original({ config, host }));
  assert.deepEqual(definition, {
    Image: "sha256:1234",
    Labels: { ours: "yes" },
    HostConfig: {
      CapAdd: ["SYS_NICE"],
      SecurityOpt: ["no-new-privileges:true"],
      NetworkMode: "nowhere",
      LogConfig: { Type: "json-file", Config: { "max-size": "10m" } },
      Mounts: [],
    },
  });
  assert.deepEqual(differences, [
    "it is not privileged",
    "it has no capability ALL",
    "it has no capability SYS_ADMIN",
    "it runs without apparmor options",
    "it runs without seccomp options",
    "it has no devices",
  ]);
});

test("mounts say where and how", () => {
  const mounts = [
    volumeMount("data", "/data"),
    volumeMount("other", "/other"),
    volumeMount("certificates", "/certificates", false),
    bind("/srv/config"),
    { Type: "tmpfs", Name: undefined, Source: "", Destination: "/tmp", RW: true },
  ];
  const host = {
    Mounts: [
      { Type: "volume", Target: "/data", VolumeOptions: { Subpath: "main" } },
      { Type: "tmpfs", Target: "/tmp" },
    ],
  };
  const { definition, differences } = copyOf(original({ mounts, host }));
  const hostConfig = definition["HostConfig"];
  assert.ok(typeof hostConfig === "object" && hostConfig !== null && "Mounts" in hostConfig);
  assert.deepEqual(hostConfig.Mounts, [
    {
      Type: "volume",
      Source: "throw-away",
      Target: "/data",
      ReadOnly: false,
      VolumeOptions: { NoCopy: true, Subpath: "main" },
    },
    { Type: "volume", Target: "/other", VolumeOptions: { Labels: { ours: "yes" } } },
    {
      Type: "volume",
      Source: "certificates",
      VolumeOptions: { NoCopy: true },
      Target: "/certificates",
      ReadOnly: true,
    },
    {
      Type: "bind",
      Source: "/srv/config",
      BindOptions: { NonRecursive: true },
      Target: "/at/srv/config",
      ReadOnly: true,
    },
    { Type: "tmpfs", Target: "/tmp" },
  ]);
  assert.deepEqual(differences, [
    "/other is empty in place of volume other",
    "/at/srv/config (/srv/config) is read-only",
  ]);
});
