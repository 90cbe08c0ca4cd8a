import type { VolumeMount } from "../engine/create-on-volume.ts";

/** Enough to read out what it holds with tar, by hand. */
const CAPABILITIES = ["DAC_OVERRIDE"];
/** 31 years: `infinity` is not known to every sleep. */
const LONG_SECONDS = "1000000000";

/** A definition of a container that has a volume mounted, and does nothing else until it is removed. */
export function holderDefinition(
  image: string,
  mount: VolumeMount,
  labels: Readonly<Record<string, string>>,
): Readonly<Record<string, unknown>> {
  return {
    Image: image,
    Entrypoint: ["sleep"],
    Cmd: [LONG_SECONDS],
    User: "0:0",
    WorkingDir: "/",
    Healthcheck: { Test: ["NONE"] },
    Labels: labels,
    NetworkDisabled: true,
    // Process 1 hears no other signal.
    StopSignal: "SIGKILL",
    HostConfig: {
      NetworkMode: "none",
      IpcMode: "none",
      ReadonlyRootfs: true,
      CapDrop: ["ALL"],
      CapAdd: CAPABILITIES,
      SecurityOpt: ["no-new-privileges"],
      PidsLimit: 64,
      LogConfig: { Type: "none" },
      Mounts: [mount],
    },
  };
}
