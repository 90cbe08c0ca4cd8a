import type { ErrorEntries } from "./entry.ts";

/** Containers that use volumes, and drills, which start copies of them. */
export const WORKLOAD_ERRORS = {
  "container.cannot-restart": {
    kind: "refused",
    cause: "A container that uses the volume cannot be stopped and started again as it is.",
    cure: "Stop it yourself, restore, then start it again.",
  },
  "container.cannot-hold": {
    kind: "refused",
    cause:
      "A container that uses the volume is started by the engine by itself, and the engine (Podman 4) cannot be told not to for a while.",
    cure: "Use Podman 5, or remove the container, restore, then make it again.",
  },
  "container.stop-failed": {
    kind: "failed",
    cause: "The engine could not stop a container.",
    cure: "Look at it with `docker inspect` and `docker logs`.",
  },
  "container.start-failed": {
    kind: "failed",
    cause: "The work is done, but a container that was stopped for it did not start again.",
    cure: "Look at it with `docker logs`, then start it with `docker start`.",
  },
  "drill.no-volume": {
    kind: "refused",
    cause: "The volume does not exist here, so there is no container that uses it.",
    cure: "Name what to start with `--image` and `--command`.",
  },
  "drill.container-not-found": {
    kind: "usage",
    cause: "There is no container of that name.",
    cure: "List them with `docker ps --all`.",
  },
  "drill.container-unrelated": {
    kind: "refused",
    cause: "The container does not use the volume.",
    cure: "Name one that does, or what to start with `--image` and `--command`.",
  },
  "drill.no-container": {
    kind: "usage",
    cause: "No container uses the volume, so there is nothing to start.",
    cure: "Name one with `--container`, or what to start with `--image` and `--command`.",
  },
  "drill.several-containers": {
    kind: "usage",
    cause: "Several containers use the volume, and it is not clear which one to copy.",
    cure: "Name one with `--container`.",
  },
  "drill.no-mount-path": {
    kind: "usage",
    cause: "The image does not say where it has its data.",
    cure: "Say it with `--mount-path`.",
  },
  "drill.failed": {
    kind: "failed",
    cause: "What was started on the snapshot was not healthy.",
    cure: "See the last lines of its output. The snapshot may be damaged or taken at a bad moment, or the container may need more than this volume.",
  },
} as const satisfies ErrorEntries;
