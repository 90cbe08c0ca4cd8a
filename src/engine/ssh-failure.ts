import { DockformError } from "../errors.ts";
import type { EngineEndpoint } from "./endpoint.ts";
import { sshCommand, type SshAddress } from "./ssh-address.ts";

/** How a call of ssh ended. */
export interface SshEnd {
  /** 255 is ssh's own, others are those of the command on the other side; `null` where it was killed. */
  readonly exitCode: number | null;
  /** What was written to standard error. */
  readonly words: string;
}

/** ssh's own, and that of a remote command that a signal has ended. */
export const SSH_FAILED = 255;
const COMMAND_NOT_FOUND = 127;
/** The last lines say it; before them may be a banner, or a frame around a warning. */
const SHOWN_LINES = 3;

/** Why ssh has not got through. */
export function loginFailure(
  endpoint: EngineEndpoint,
  address: SshAddress,
  end: SshEnd,
): DockformError {
  const command = sshCommand(address);
  const said = wordsOf(end);
  const { context, host } = endpoint;
  const message = `ssh does not get through to ${host}, of context "${context}": ${said}`;
  if (/REMOTE HOST IDENTIFICATION HAS CHANGED/.test(end.words)) {
    return new DockformError("ssh.host-key", message, {
      hint: "Another machine answers, or the host has a new key. Compare its fingerprint with what its owner says before you remove the old one with `ssh-keygen -R`.",
    });
  }
  if (/host key/i.test(said)) {
    return new DockformError("ssh.host-key", message, {
      hint: `Run \`${command}\` once, compare the fingerprint with what the host's owner says, and accept the key; do so for each host on the way.`,
    });
  }
  if (/Permission denied|Too many authentication failures/.test(said)) {
    return new DockformError("ssh.denied", message, {
      hint: `\`${command}\` has to get in without a question. Use a key, and an agent where the key has a passphrase.`,
    });
  }
  return new DockformError("ssh.unreachable", message, {
    hint: `Does \`${command}\` work? Check the host, ~/.ssh/config and the network.`,
  });
}

/** Why the command on the other side has ended, or the connection to it. */
export function sessionFailure(
  endpoint: EngineEndpoint,
  address: SshAddress,
  end: SshEnd,
): DockformError {
  const command = sshCommand(address);
  const said = wordsOf(end);
  const where = `${endpoint.host}, of context "${endpoint.context}"`;
  if (isMissingCommand(end)) {
    return new DockformError("ssh.no-docker", `there is no docker and no podman on ${where}`, {
      hint: `Install the docker CLI there; \`${command} docker version\` has to work. The PATH of such a call may be shorter than that of a terminal.`,
    });
  }
  if (end.exitCode === SSH_FAILED || end.exitCode === null) {
    return new DockformError("ssh.broken", `the ssh connection to ${where} broke: ${said}`, {
      hint: "Check the network, then run the command again: the next command finds what was cut short.",
    });
  }
  if (/permission denied/i.test(said)) {
    return new DockformError(
      "engine.access-denied",
      `the Docker Engine on ${where} may not be used by this account: ${said}`,
      { hint: "Log in as a member of the group `docker` there." },
    );
  }
  return new DockformError(
    "engine.unreachable",
    `cannot reach the Docker Engine on ${where}: ${said}`,
    {
      hint: `Is the engine running there? Check with \`${command} docker info\`.`,
      advice: [{ code: "choose-engine" }],
    },
  );
}

/** A shell has not found it; one that is called by a shell says so itself. */
export function isMissingCommand({ exitCode }: SshEnd): boolean {
  return exitCode === COMMAND_NOT_FOUND;
}

function wordsOf({ words, exitCode }: SshEnd): string {
  const lines = words
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("@"));
  if (lines.length > 0) return lines.slice(-SHOWN_LINES).join(" ");
  return exitCode === null ? "ssh was ended" : `ssh ended with ${exitCode}`;
}
