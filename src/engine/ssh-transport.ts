import { once } from "node:events";
import { rm } from "node:fs/promises";
import { connect, createServer, type OnReadOpts, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { DockformError } from "../errors.ts";
import type { Log } from "../log.ts";
import { makeTemporaryFolder } from "../temporary-folder.ts";
import { startTimer } from "./answer-limit.ts";
import type { EngineEndpoint, LocalSide } from "./endpoint.ts";
import { destinationArguments, sshAddress, type SshAddress } from "./ssh-address.ts";
import { isMissingCommand, loginFailure, sessionFailure, type SshEnd } from "./ssh-failure.ts";
import { SshProcess, tooLong } from "./ssh-process.ts";
import type { Transport } from "./transport.ts";

/** For all of the login, over each hop. */
const LOGIN_SECONDS = 20;
/** For the answer of a program on the other side. */
const DIAL_SECONDS = 20;
/**
 * Whatever the configuration says: nothing is asked, the connection is for this alone, and one that is cut without a word
 * is noticed. Which keys and which hosts are good is the user's configuration's business.
 */
const OPTIONS = Object.entries({
  BatchMode: "yes",
  ConnectTimeout: "10",
  ServerAliveInterval: "10",
  ServerAliveCountMax: "3",
  ClearAllForwardings: "yes",
  ForwardAgent: "no",
  ForwardX11: "no",
  PermitLocalCommand: "no",
  RemoteCommand: "none",
  RequestTTY: "no",
  LogLevel: "INFO",
}).flatMap(([name, value]) => ["-o", `${name}=${value}`]);
/** So long the connection in the background waits for the next call; by then its client is long dead. */
const IDLE_SECONDS = 60;
/** A socket's path has at most 103 characters, and ssh puts 17 behind its own at first. */
const LONGEST_FOLDER = 80;
/** ssh replaces what begins with a percent sign. */
const PLAIN_PATH = /^[\w./+-]+$/;
/** ssh's name for the far side of a hop. */
const LOST_HOP = "UNKNOWN port";
const DIALLERS = ["docker", "podman"] as const;

/** The one connection to a host, which ssh has in the background, and what it takes to use it. */
interface Line {
  readonly folder: string;
  /** How ssh is called to use it. */
  readonly shared: readonly string[];
  /** Takes the near ends of connections. */
  readonly server: Server;
  readonly serverPath: string;
  /** What has made it, and hears what it says at its end. */
  readonly master: SshProcess;
  /** The command on the other side. */
  readonly dial: readonly string[];
}

/**
 * Connections through the user's OpenSSH, all over one login. Each is a `docker system dial-stdio` on the other side,
 * whose standard input and output are one end of a local socket; bytes do not pass through this process twice.
 */
export class SshTransport implements Transport {
  readonly address: string;
  readonly #endpoint: EngineEndpoint;
  readonly #place: SshAddress;
  readonly #local: LocalSide;
  readonly #running = new Set<SshProcess>();
  #line: Promise<Line> | undefined;
  /** Whose turn it is to make a pair of ends. */
  #turn: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(endpoint: EngineEndpoint, local: LocalSide) {
    this.address = endpoint.host;
    this.#endpoint = endpoint;
    this.#place = sshAddress(endpoint);
    this.#local = local;
  }

  async connect(onread?: OnReadOpts): Promise<Socket> {
    this.#line ??= this.#open();
    const line = await this.#line;
    const [near, far] = await this.#pair(line, onread);
    try {
      const args = [...line.shared, ...destinationArguments(this.#place), ...line.dial];
      void this.#follow(await this.#start(args, far), line, near, far);
    } catch (error) {
      near.destroy();
      far.destroy();
      throw error;
    }
    return near;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const child of this.#running) child.kill();
    this.#line?.then(
      (line) => this.#hangUp(line),
      () => {},
    );
  }

  /** Logs in, and finds out what there is on the other side. Everything that can go wrong there does so here. */
  async #open(): Promise<Line> {
    await using stack = new AsyncDisposableStack();
    const folder = await makeShortFolder(this.#local);
    stack.defer(() => rm(folder, { recursive: true, force: true }));
    const shared = [...OPTIONS, "-S", join(folder, "line")];
    const master = await this.#login(shared);
    stack.defer(() => this.#exit(shared));
    const dial = await this.#findDialler([...shared, "-o", "ControlMaster=no"]);
    const serverPath = join(folder, "ends");
    const server = createServer({ pauseOnConnect: true, allowHalfOpen: true });
    server.listen(serverPath);
    await once(server, "listening");
    server.unref();
    stack.move();
    return {
      folder,
      shared: [...shared, "-o", "ControlMaster=no"],
      server,
      serverPath,
      master,
      dial,
    };
  }

  async #login(shared: readonly string[]): Promise<SshProcess> {
    // It goes into the background once it is in, and stays there until nobody has used it for a while.
    const background = ["-f", "-N", "-M", "-o", `ControlPersist=${IDLE_SECONDS}`];
    const args = [...shared, ...background, ...destinationArguments(this.#place)];
    const master = await this.#start(args);
    const end = await this.#endWithin(master, LOGIN_SECONDS);
    if (end.exitCode === 0) return master;
    throw loginFailure(this.#endpoint, this.#place, await this.#inFull(end));
  }

  /** What a hop on the way says is lost where ssh is to go into the background: it is asked once more, without that. */
  async #inFull(end: SshEnd): Promise<SshEnd> {
    if (!end.words.includes(LOST_HOP)) return end;
    const alone = [...OPTIONS, "-o", "ControlPath=none"];
    const again = await this.#start([...alone, ...destinationArguments(this.#place), "true"]);
    const other = await this.#endWithin(again, LOGIN_SECONDS);
    return other.exitCode === 0 ? end : other;
  }

  /** Docker's, else Podman's. With no input it is over as soon as it has reached the engine. */
  async #findDialler(shared: readonly string[]): Promise<readonly string[]> {
    const { socketPath } = this.#place;
    let end: SshEnd | undefined;
    for (const program of DIALLERS) {
      const socket = { docker: "--host", podman: "--url" }[program];
      const engine = socketPath === undefined ? [] : [socket, shellQuoted(`unix://${socketPath}`)];
      const dial = [program, ...engine, "system", "dial-stdio"];
      const process = await this.#start([...shared, ...destinationArguments(this.#place), ...dial]);
      end = await this.#endWithin(process, DIAL_SECONDS);
      if (end.exitCode === 0) return dial;
      if (!isMissingCommand(end)) break;
    }
    throw sessionFailure(this.#endpoint, this.#place, end ?? { exitCode: null, words: "" });
  }

  /** Two ends of one connection on this machine. One after the other, so that it is known which belong together. */
  #pair(line: Line, onread: OnReadOpts | undefined): Promise<readonly [near: Socket, far: Socket]> {
    const pair = this.#turn.then(async () => {
      const accepted = once(line.server, "connection");
      const near = connect({ path: line.serverPath, ...(onread === undefined ? {} : { onread }) });
      await once(near, "connect");
      const [far]: Socket[] = await accepted;
      if (far === undefined) throw new Error("a connection has one end only");
      return [near, far] as const;
    });
    this.#turn = pair.catch(() => {});
    return pair;
  }

  /** What has gone wrong is told before the end of the data, which would look like the engine's own. */
  async #follow(session: SshProcess, line: Line, near: Socket, far: Socket): Promise<void> {
    near.once("close", () => session.kill());
    const { exitCode, words } = await session.ended();
    if (exitCode !== 0 && !near.destroyed) {
      const end = { exitCode, words: `${line.master.words}\n${words}` };
      near.destroy(sessionFailure(this.#endpoint, this.#place, end));
    }
    far.destroy();
  }

  async #start(args: readonly string[], connection?: Socket): Promise<SshProcess> {
    if (this.#isClosed) throw new DockformError("ssh.broken", "the connection was closed");
    const started = await SshProcess.start(args, this.#local, connection);
    this.#running.add(started);
    void started.ended().then(() => this.#running.delete(started));
    return started;
  }

  async #endWithin(process: SshProcess, seconds: number): Promise<SshEnd> {
    let isLate = false;
    using _ = startTimer(seconds * 1000, () => {
      isLate = true;
      process.kill();
    });
    const end = await process.ended();
    return isLate ? tooLong(end.words, seconds) : end;
  }

  async #hangUp(line: Line): Promise<void> {
    line.server.close();
    await this.#exit(line.shared);
    await rm(line.folder, { recursive: true, force: true }).catch(() => {});
  }

  /** A connection in the background that cannot be told to end ends by itself. */
  async #exit(shared: readonly string[]): Promise<void> {
    const args = [...shared, "-O", "exit", ...destinationArguments(this.#place)];
    await SshProcess.start(args, this.#local).then(
      (process) => process.ended(),
      () => {},
    );
  }
}

/** A folder for sockets: their paths cannot be long. */
async function makeShortFolder({ temporaryFolder, env }: LocalSide): Promise<string> {
  const parents = [temporaryFolder, env["XDG_RUNTIME_DIR"] ?? "", "/tmp", "/var/tmp"];
  let problem: unknown;
  for (const parent of parents.filter((each) => PLAIN_PATH.test(each))) {
    try {
      const folder = await makeTemporaryFolder(parent, SILENT);
      if (folder.length <= LONGEST_FOLDER) return folder;
      await rm(folder, { recursive: true });
    } catch (error) {
      problem = error;
    }
  }
  throw new DockformError("ssh.no-folder", "there is no folder for the sockets of ssh", {
    hint: "Set TMPDIR to a folder that you may write to, with a short path of plain letters.",
    cause: problem,
  });
}

const SILENT: Log = { debug: () => {}, info: () => {}, warn: () => {} };

/** ssh hands its words to a shell on the other side. */
function shellQuoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
