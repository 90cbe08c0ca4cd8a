import { hostname, userInfo } from "node:os";

/**
 * Who runs this, for others to read: `root@host, process 123`. Asked for only where it is needed, since the system may
 * look a user's name up on the network.
 */
export function clientName(): string {
  return `${userName()}@${hostname()}, process ${process.pid}`;
}

/** A process may run under a number that no user has. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `user ${process.getuid?.() ?? "unknown"}`;
  }
}
