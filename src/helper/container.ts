/** How every container of ours is defined. The copies that a drill starts are others': they are as their originals. */

/** What one of them may do beyond nothing at all. */
export interface ContainerPurpose {
  readonly image: string;
  readonly entrypoint: readonly string[];
  readonly command?: readonly string[];
  readonly environment?: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly mounts: readonly Readonly<Record<string, unknown>>[];
  readonly capabilities?: readonly string[];
  /** How many processes and threads it may have. */
  readonly pidsLimit: number;
  /** Folders in memory, with their options of mount(8). */
  readonly temporary?: Readonly<Record<string, string>>;
  /** Its input is one connection of a client's, and ends with that. */
  readonly lastsAsConnection?: boolean;
  /** The engine removes it once it has ended. */
  readonly isRemovedAtEnd?: boolean;
  /** The engine keeps what it says. */
  readonly isLogged?: boolean;
  /** Where it does not end by what is sent otherwise. */
  readonly stopSignal?: string;
}

/** As little as there can be: no network, a read-only root, no rights but those that are named. */
export function hardened(purpose: ContainerPurpose): Readonly<Record<string, unknown>> {
  return {
    Image: purpose.image,
    Entrypoint: purpose.entrypoint,
    Cmd: purpose.command ?? [],
    Env: purpose.environment ?? [],
    User: "0:0",
    WorkingDir: "/",
    Healthcheck: { Test: ["NONE"] },
    Labels: purpose.labels,
    // With "none" alone the engine sets up a network with nothing in it: more than half of a start.
    NetworkDisabled: true,
    ...(purpose.lastsAsConnection === true ? ONE_CONNECTION : {}),
    ...(purpose.stopSignal === undefined ? {} : { StopSignal: purpose.stopSignal }),
    HostConfig: {
      AutoRemove: purpose.isRemovedAtEnd === true,
      NetworkMode: "none",
      IpcMode: "none",
      ReadonlyRootfs: true,
      CapDrop: ["ALL"],
      CapAdd: purpose.capabilities ?? [],
      SecurityOpt: ["no-new-privileges"],
      PidsLimit: purpose.pidsLimit,
      ...(purpose.temporary === undefined ? {} : { Tmpfs: purpose.temporary }),
      // A log driver would write every byte a second time.
      LogConfig: { Type: purpose.isLogged === true ? "json-file" : "none" },
      Mounts: purpose.mounts,
    },
  };
}

const ONE_CONNECTION = {
  AttachStdin: true,
  AttachStdout: true,
  AttachStderr: true,
  OpenStdin: true,
  StdinOnce: true,
};

/** A definition of a container that only carries labels. */
export function neverStarted(
  image: string,
  labels: Readonly<Record<string, string>>,
): Readonly<Record<string, unknown>> {
  return { Image: image, Entrypoint: ["sh"], Labels: labels, HostConfig: { NetworkMode: "none" } };
}
