import type { ErrorEntries } from "./entry.ts";

/** The ways to an engine that is not on this machine. */
export const CONNECTION_ERRORS = {
  "context.invalid-host": {
    kind: "usage",
    cause: "The address of a context is of a known kind, but has not what such an address needs.",
    cure: "Write it as `tcp://host:port` or `ssh://user@host:port`.",
  },
  "context.insecure": {
    kind: "refused",
    cause:
      "The connection would not be encrypted, or would not check who answers, and leaves this machine.",
    cure: "Use `ssh://`, or TLS with certificates. On a network where you trust everybody, `--insecure` allows it.",
  },
  "tls.unreadable": {
    kind: "failed",
    cause: "The certificates of a context, or of DOCKER_CERT_PATH, cannot be read or used.",
    cure: "Look at `ca.pem`, `cert.pem` and `key.pem` in the folder that the message names.",
  },
  "tls.untrusted": {
    kind: "unreachable",
    cause: "The engine's certificate was not signed by the authority in `ca.pem`.",
    cure: "Find out whether it is your engine that answers; if so, put its authority into `ca.pem`.",
  },
  "tls.expired": {
    kind: "unreachable",
    cause: "The engine's certificate has expired, or is not valid yet.",
    cure: "Give the engine a new certificate, and check the clock of this machine.",
  },
  "tls.wrong-name": {
    kind: "unreachable",
    cause: "The engine's certificate is not for the name or address that was asked for.",
    cure: "Use a name that is in the certificate, or give the engine one with that name.",
  },
  "tls.client-refused": {
    kind: "unreachable",
    cause: "The engine wants a certificate from this side, and there is none, or not one it takes.",
    cure: "Put `cert.pem` and `key.pem`, signed by the engine's authority, into the folder that the message names.",
  },
  "tls.failed": {
    kind: "unreachable",
    cause: "No encrypted connection came about; the message has the words of OpenSSL.",
    cure: "Check the port: what answers there may not speak TLS.",
  },
} as const satisfies ErrorEntries;
