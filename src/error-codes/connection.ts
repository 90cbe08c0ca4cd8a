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
  "ssh.missing": {
    kind: "failed",
    cause: "There is no ssh on this machine, which engines at `ssh://` are reached through.",
    cure: "Install OpenSSH's client.",
  },
  "ssh.no-folder": {
    kind: "failed",
    cause:
      "The sockets that ssh needs belong into a folder whose path is short, and there is none.",
    cure: "Set TMPDIR to a folder that you may write to, with a short path of plain letters.",
  },
  "ssh.unreachable": {
    kind: "unreachable",
    cause: "The host is not reached; the message has the words of ssh.",
    cure: "Make `ssh HOST` work: check the host, `~/.ssh/config` and the network.",
  },
  "ssh.host-key": {
    kind: "unreachable",
    cause:
      "The key of the host, or of a host on the way, is not known to ssh, or is another one than before.",
    cure: "Run `ssh HOST`, and accept the key once you have compared its fingerprint.",
  },
  "ssh.denied": {
    kind: "unreachable",
    cause: "The host accepts none of the keys that ssh has; dockform enters no passwords.",
    cure: "Make `ssh HOST` get in without a question: with a key, and an agent where it has a passphrase.",
  },
  "ssh.no-docker": {
    kind: "unreachable",
    cause: "Neither `docker` nor `podman` is found on the host.",
    cure: "Install the Docker CLI there; `ssh HOST docker version` has to work.",
  },
  "ssh.broken": {
    kind: "unreachable",
    cause: "The ssh connection ended while it was in use, or was silent for half a minute.",
    cure: "Check the network, and then with `dockform doctor` what was begun.",
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
