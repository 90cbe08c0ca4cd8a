/** The engines that the tests can run on, besides the machine's own. */
import type { EngineRelease } from "./engine-release.ts";

export interface EngineKind extends EngineRelease {
  /** Fields of daemon.json. */
  readonly configuration?: Readonly<Record<string, unknown>>;
  readonly rootlessAs?: string;
}

/** Whom engine-init.sh gives ids to. */
const ACCOUNT = "daemon";

/** By the name that `npm run test:engines` takes. What is in Debian's unstable changes with it. */
export const ENGINE_KINDS: Readonly<Record<string, EngineKind>> = {
  "docker-20.10": { engine: "docker", debian: "bookworm" },
  "docker-26.1": { engine: "docker", debian: "trixie" },
  "docker-unstable": { engine: "docker", debian: "sid" },
  "docker-unstable-containerd": {
    engine: "docker",
    debian: "sid",
    configuration: { features: { "containerd-snapshotter": true } },
  },
  "docker-unstable-remapped": {
    engine: "docker",
    debian: "sid",
    configuration: { "userns-remap": ACCOUNT },
  },
  "docker-unstable-rootless": { engine: "docker", debian: "sid", rootlessAs: ACCOUNT },
  "podman-4.3": { engine: "podman", debian: "bookworm" },
  "podman-4.3-rootless": { engine: "podman", debian: "bookworm", rootlessAs: ACCOUNT },
  "podman-5.4": { engine: "podman", debian: "trixie" },
  "podman-5.4-rootless": { engine: "podman", debian: "trixie", rootlessAs: ACCOUNT },
  "podman-unstable": { engine: "podman", debian: "sid" },
};
