import type { VolumeMount } from "../engine/volume-mount.ts";
import { hardened } from "./container.ts";

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
  return hardened({
    image,
    entrypoint: ["sleep"],
    command: [LONG_SECONDS],
    labels,
    mounts: [mount],
    capabilities: CAPABILITIES,
    pidsLimit: 64,
    // Process 1 hears no other signal.
    stopSignal: "SIGKILL",
  });
}
