/** Where Podman answers otherwise than Docker; here it is made the same for all who stand on it. */

/** Every answer of Podman's has it. */
const PODMAN_HEADER = "libpod-api-version";

export function isPodmans(headers: Readonly<Record<string, unknown>>): boolean {
  return headers[PODMAN_HEADER] !== undefined;
}

/** What Podman says with a status of 500 where Docker has one of its own. */
const STATUSES: readonly (readonly [says: RegExp, statusCode: number])[] = [
  [/already in use|UNIQUE constraint failed: ContainerConfig\.Name/, 409],
  [/container state improper|refusing to clean up/, 409],
  // It makes the folder of a mount that is missing, and cannot.
  [/making volume mountpoint/, 400],
];

/** The status that Docker has for the same. */
export function dockersStatus(statusCode: number, message: string): number {
  // Of a path that it does not know.
  if (statusCode === 404 && message === "Not Found") return 501;
  if (statusCode !== 500) return statusCode;
  return STATUSES.find(([says]) => says.test(message))?.[1] ?? statusCode;
}

/** States of a container that Docker has no word for. */
const STATES: Readonly<Record<string, string>> = {
  configured: "created",
  initialized: "created",
  stopping: "running",
  // Its process has ended; mounts and the like are still to be taken away.
  stopped: "exited",
};

/** The state that Docker has for the same. */
export function dockersState(state: unknown): unknown {
  return typeof state === "string" ? (STATES[state] ?? state) : state;
}

/** Podman 4.3 says nothing of the health of a container that has no check. */
export function dockersHealth(health: unknown): unknown {
  return health === "" ? "none" : health;
}

/** Go's names of architectures, where Docker says what `uname -m` does. */
const MACHINES: Readonly<Record<string, string>> = {
  amd64: "x86_64",
  arm64: "aarch64",
  "386": "i686",
  arm: "armv7l",
};

/** As `uname -m` says it. */
export function machineOf(architecture: string): string {
  return MACHINES[architecture] ?? architecture;
}
