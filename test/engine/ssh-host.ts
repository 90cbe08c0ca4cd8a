import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { appendFile, mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** What a host's sshd says when somebody has logged in. */
const ACCEPTED = /Accepted publickey/g;

/** An sshd on a port of its own, with keys of its own, whose sessions find an engine. */
export class SshHost implements AsyncDisposable {
  readonly port: number;
  readonly #folder: string;
  readonly #server: ChildProcess;
  #log = "";

  private constructor(folder: string, port: number, server: ChildProcess) {
    this.#folder = folder;
    this.port = port;
    this.#server = server;
    server.stderr?.setEncoding("utf8").on("data", (text: string) => (this.#log += text));
  }

  /** @param environment of the sessions; `DOCKER_HOST` leads them to an engine */
  static async start(
    folder: string,
    keyFile: string,
    environment: Readonly<Record<string, string>>,
  ): Promise<SshHost> {
    await mkdir(folder, { recursive: true });
    // sshd insists on it, and Debian makes it when it starts its own service.
    await mkdir("/run/sshd", { recursive: true });
    await makeKey(join(folder, "host_key"));
    const port = await freePort();
    const configuration = [
      `ListenAddress 127.0.0.1:${port}`,
      `HostKey ${join(folder, "host_key")}`,
      `AuthorizedKeysFile ${keyFile}.pub`,
      "PermitRootLogin yes",
      "PasswordAuthentication yes",
      "StrictModes no",
      "UsePAM no",
      "PidFile none",
      ...Object.entries(environment).map(([name, value]) => `SetEnv ${name}=${value}`),
    ];
    await writeFile(join(folder, "sshd_config"), `${configuration.join("\n")}\n`);
    const server = spawn("/usr/sbin/sshd", ["-D", "-e", "-f", join(folder, "sshd_config")], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    const host = new SshHost(folder, port, server);
    while (!host.#log.includes("Server listening")) {
      if (server.exitCode !== null) throw new Error(`sshd ended: ${host.#log}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return host;
  }

  /** How many have logged in so far. */
  get logins(): number {
    return this.#log.match(ACCEPTED)?.length ?? 0;
  }

  /** The line of a known_hosts file that tells this host's key. */
  async knownAs(): Promise<string> {
    const key = await readFile(join(this.#folder, "host_key.pub"), "utf8");
    return `[127.0.0.1]:${this.port} ${key.split(" ").slice(0, 2).join(" ")}\n`;
  }

  /** Sends a signal to what serves the connections. */
  async signalSessions(signal: NodeJS.Signals): Promise<void> {
    for (const pid of await descendants(this.#server.pid ?? 0, "sshd")) {
      try {
        process.kill(pid, signal);
      } catch {
        // It has ended meanwhile.
      }
    }
  }

  /** From now on it says nothing, neither to those who are in nor to anybody else. */
  async freeze(): Promise<void> {
    this.#server.kill("SIGSTOP");
    await this.signalSessions("SIGSTOP");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.signalSessions("SIGKILL");
    if (this.#server.exitCode === null && this.#server.signalCode === null) {
      this.#server.kill("SIGKILL");
      await once(this.#server, "exit");
    }
  }
}

/** Somebody's ssh: a program of that name that reads a configuration, keys and known hosts of its own. */
export class SshUser {
  readonly keyFile: string;
  /** To be the first of the PATH. */
  readonly programs: string;
  readonly configurationFile: string;
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
    this.keyFile = join(folder, "key");
    this.programs = join(folder, "bin");
    this.configurationFile = join(folder, "config");
  }

  static async create(folder: string): Promise<SshUser> {
    const user = new SshUser(folder);
    await mkdir(user.programs, { recursive: true });
    await makeKey(user.keyFile);
    // ssh looks for the configuration where the account has its home, whatever HOME says.
    const program = `#!/bin/sh\nexec /usr/bin/ssh -F '${user.configurationFile}' "$@"\n`;
    await writeFile(join(user.programs, "ssh"), program, { mode: 0o755 });
    const defaults = [
      "Host *",
      `  UserKnownHostsFile ${user.knownHostsFile}`,
      "  GlobalKnownHostsFile /dev/null",
      "  IdentitiesOnly yes",
      "  IdentityAgent none",
      "  User root",
      "  HostName 127.0.0.1",
    ];
    await writeFile(user.configurationFile, `${defaults.join("\n")}\n`);
    await writeFile(user.knownHostsFile, "");
    return user;
  }

  get knownHostsFile(): string {
    return join(this.#folder, "known_hosts");
  }

  /** Adds a host to the configuration. */
  async configure(name: string, lines: readonly string[]): Promise<void> {
    const key = lines.some((line) => line.startsWith("IdentityFile"))
      ? []
      : [`IdentityFile ${this.keyFile}`];
    const block = [`Host ${name}`, ...[...lines, ...key].map((line) => `  ${line}`)];
    // The first value of an option is the one that counts, and the defaults are for the others.
    const rest = await readFile(this.configurationFile, "utf8");
    await writeFile(this.configurationFile, `${block.join("\n")}\n${rest}`);
  }

  async trust(host: SshHost): Promise<void> {
    await appendFile(this.knownHostsFile, await host.knownAs());
  }

  /** The calls of ssh that still run. */
  async running(): Promise<readonly string[]> {
    const found: string[] = [];
    for (const pid of await readdir("/proc")) {
      if (!/^\d+$/.test(pid)) continue;
      const line = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
      if (line.includes(this.configurationFile)) found.push(line.replaceAll("\0", " "));
    }
    return found;
  }
}

export async function makeKey(file: string): Promise<void> {
  await rm(file, { force: true });
  await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", file]);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (typeof address !== "object" || address === null) throw new Error("no port is free");
  return address.port;
}

/** The processes of a name below another one. */
async function descendants(ancestor: number, name: string): Promise<readonly number[]> {
  const children = new Map<number, { pid: number; command: string }[]>();
  for (const entry of await readdir("/proc")) {
    const status = await readFile(`/proc/${entry}/stat`, "utf8").catch(() => "");
    const [, pid, command = "", parent] = /^(\d+) \((.*)\) \S (\d+) /s.exec(status) ?? [];
    if (pid === undefined) continue;
    const siblings = children.get(Number(parent)) ?? [];
    siblings.push({ pid: Number(pid), command });
    children.set(Number(parent), siblings);
  }
  const below = (pid: number): { pid: number; command: string }[] =>
    (children.get(pid) ?? []).flatMap((child) => [child, ...below(child.pid)]);
  return below(ancestor).flatMap(({ pid, command }) => (command === name ? [pid] : []));
}
