import { hostname, userInfo } from "node:os";

/**
 * Who runs this, for others to read: `root@host, process 123`. Asked for only where it is needed, since the system may
 * look a user's name up on the network.
 */
export function clientName(): string {
  return `${userName()}@${hostname()}, process ${process.pid}`;
}

/**
 * Whether the process of a {@link clientName} runs on this machine, under whatever name of a user; `false` where that
 * cannot be seen from here.
 */
export function runsHere(client: string): boolean {
  const [, host, pid] = /@([^@]*), process (\d+)$/.exec(client) ?? [];
  if (host !== hostname() || pid === undefined) return false;
  try {
    return process.kill(Number(pid), 0);
  } catch (error) {
    // Somebody else's.
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}

/** A process may run under a number that no user has. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `user ${process.getuid?.() ?? "unknown"}`;
  }
}
