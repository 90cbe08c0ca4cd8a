import type { ErrorEntries } from "./entry.ts";

/** The Docker Engine, and the contexts that say where it is. */
export const ENGINE_ERRORS = {
  "context.not-found": {
    kind: "usage",
    cause: "The Docker CLI knows no context of that name.",
    cure: "See `docker context ls`, or give the context a `host` in the manifest.",
  },
  "context.no-endpoint": {
    kind: "usage",
    cause: "The Docker context has no address of a Docker Engine.",
    cure: "Create the context again with `docker context create`.",
  },
  "context.unreadable": {
    kind: "failed",
    cause: "A file in which the Docker CLI keeps its contexts cannot be read.",
    cure: "Check the owner and mode of the file.",
  },
  "context.invalid": {
    kind: "failed",
    cause: "A file in which the Docker CLI keeps its contexts is not valid JSON.",
    cure: "Repair or remove the file; the Docker CLI wrote it.",
  },
  "context.unsupported-host": {
    kind: "usage",
    cause: "The context's engine is reached by a protocol that this version does not speak.",
    cure: "Use an address with `unix://`, `ssh://` or `tcp://`.",
  },
  "context.unspecified": {
    kind: "usage",
    cause: "There are several contexts, and nothing says which one to use.",
    cure: "Name one with `--context`.",
  },
  "engine.unreachable": {
    kind: "unreachable",
    cause: "There is no connection to the Docker Engine, or it broke.",
    cure: "Start the engine, and check its address with `docker info`.",
  },
  "engine.access-denied": {
    kind: "unreachable",
    cause: "You have no permission to open the engine's socket.",
    cure: "Run as root, or as a member of the group `docker`.",
  },
  "engine.silent": {
    kind: "unreachable",
    cause: "The Docker Engine takes the connection, but sends no answer.",
    cure: "Check with `docker info`; restart the engine if that hangs as well.",
  },
  "engine.not-an-engine": {
    kind: "unreachable",
    cause:
      "What answers at the context's address does not answer as a Docker Engine does: not HTTP or JSON, other fields, a redirect, or an answer without an end.",
    cure: "Check the context's host: it may be another program's socket. If `docker info` fails as well, restart the engine.",
  },
  "engine.too-new": {
    kind: "failed",
    cause: "The engine no longer knows the newest API version that dockform can talk.",
    cure: "Use a newer version of dockform.",
  },
  "engine.too-old": {
    kind: "failed",
    cause: "The engine offers only API versions that are older than those of Docker 19.03.",
    cure: "Use a newer engine.",
  },
  "engine.request-failed": {
    kind: "failed",
    cause: "The Docker Engine refused a request; the message says why.",
    cure: "Follow what the engine says.",
  },
  "engine.no-stream": {
    kind: "failed",
    cause: "The engine answered, but did not open the stream that was asked for.",
    cure: "Look for a proxy between dockform and the engine, then run the command again.",
  },
  "engine.image-failed": {
    kind: "failed",
    cause: "The engine could not import or build an image; the message says why.",
    cure: "Follow what the engine says, or name an image that it has.",
  },
} as const satisfies ErrorEntries;
