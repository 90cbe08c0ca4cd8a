import { randomBytes } from "node:crypto";
import type { Duplex } from "node:stream";
import { EngineApiError, isConflict, isNotFound, type EngineClient } from "../engine/client.ts";
import {
  attachContainer,
  execInContainer,
  inspectContainer,
  killContainer,
  removeContainer,
  startContainer,
  waitContainer,
} from "../engine/containers.ts";
import { createContainerSurely } from "../engine/create-container.ts";
import { createOnVolume } from "../engine/create-on-volume.ts";
import type { VolumeMount } from "../engine/volume-mount.ts";
import { demultiplex, StdoutIntoSink } from "../engine/multiplex.ts";
import type { ByteSink } from "../engine/sink-buffers.ts";
import { withSignal } from "../abort.ts";
import { DockformError, messageOf } from "../errors.ts";
import type { Log } from "../log.ts";
import type { HelperVerb } from "./agent.ts";
import { hardened } from "./container.ts";
import { ExchangeFolder } from "./exchange.ts";
import { operationLabels, OPERATIONS, type Operation } from "../journal/operation.ts";
import { helperScript } from "./script.ts";
import { HEARTBEAT_SECONDS } from "./protocol.ts";
import { ReplyReader, type HelperCall, type HelperReply, type OnHelperProgress } from "./reply.ts";

const SCRIPT = helperScript();
/** runc's words for a command that is not there. */
const NOT_FOUND_IN_IMAGE = "executable file not found";
/** What to do about an image that cannot serve. */
export const IMAGE_ADVICE =
  "Use an image with GNU tar (built with attributes and ACLs), zstd, perl and a shell, or leave helper.image unset.";
const CLEANUP_TIMEOUT_MS = 30_000;
const GONE_POLL_MS = 20;

/** Another container has the name that one was to be created with. */
export class NameTakenError extends DockformError {
  constructor(name: string, cause: unknown) {
    super("helper.name-taken", `the name ${name} is taken in the engine`, {
      hint: `Look at \`docker ps --all --filter name=${name}\`: remove or rename a container that is not dockform's. If there is none, or one that the engine never finishes removing, restart the engine.`,
      cause,
    });
  }
}

export interface HelperOptions {
  readonly image: string;
  /** The container's name. */
  readonly name: string;
  /** What the helper is for; goes into its labels. */
  readonly operation: Operation;
  /** Where the folder shared with the helper may be made. */
  readonly temporaryFolder: string;
  /** Beyond those that every helper has. */
  readonly capabilities: readonly string[];
  /** Called while the container starts, which is the most of what a helper takes. */
  readonly onStarting?: (containerId: string) => void;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** How a verb runs as a process of its own. */
interface ExecOptions {
  readonly signal: AbortSignal;
  readonly onProgress: OnHelperProgress | undefined;
}

/**
 * One helper container, driven over one attached connection: verbs go in by line, replies come out.
 * The container ends itself when that connection closes, however the client died.
 */
export class HelperSession implements AsyncDisposable {
  readonly containerId: string;
  /** The folder that client and helper share, where there can be one. */
  readonly exchange: ExchangeFolder | undefined;
  readonly #engine: EngineClient;
  readonly #connection: Duplex;
  readonly #replies: ReplyReader;
  readonly #mark: string;
  readonly #log: Log;
  readonly #heartbeat: NodeJS.Timeout;
  #removed: Promise<void> | undefined;

  private constructor(
    engine: EngineClient,
    parts: {
      readonly containerId: string;
      readonly connection: Duplex;
      readonly mark: string;
      readonly exchange: ExchangeFolder | undefined;
      readonly log: Log;
    },
  ) {
    this.#engine = engine;
    this.containerId = parts.containerId;
    this.exchange = parts.exchange;
    this.#connection = parts.connection;
    this.#mark = parts.mark;
    this.#log = parts.log;
    const output = demultiplex(parts.connection);
    output.stdout.resume();
    output.stdout.on("error", () => {});
    this.#replies = new ReplyReader(output.stderr, parts.mark);
    this.#heartbeat = setInterval(() => {
      if (parts.connection.writable) parts.connection.write("\n");
    }, HEARTBEAT_SECONDS * 1000).unref();
  }

  /**
   * Creates and starts a helper for a volume that exists.
   *
   * @throws VolumeGoneError when it does not any more.
   * @throws NameTakenError when a container of that name exists.
   */
  static async open(engine: EngineClient, options: HelperOptions): Promise<HelperSession> {
    const mark = randomBytes(8).toString("hex");
    await using stack = new AsyncDisposableStack();
    const exchange = await makeExchangeFolder(options);
    stack.defer(() => exchange?.remove());
    const created = await createHelper(engine, options, mark, exchange);
    stack.defer(() => removeHelper(engine, created.id));
    const connection = await attachContainer(engine, created.id, options.signal);
    stack.defer(() => void connection.destroy());
    const started = startHelper(engine, created.id, options);
    options.onStarting?.(created.id);
    await started;
    const session = new HelperSession(engine, {
      containerId: created.id,
      connection,
      mark,
      exchange: created.sharesFolder ? exchange : undefined,
      log: options.log,
    });
    if (!created.sharesFolder) await exchange?.remove();
    stack.move();
    return session;
  }

  /** Runs a verb to its end. Rejects when the helper dies; a failing verb is a status. */
  async call(verb: HelperVerb, signal?: AbortSignal): Promise<HelperReply> {
    return withSignal(this.begin(verb).reply, signal);
  }

  /**
   * Starts a verb. Once begun it is finished by the helper even when this client goes away, but for one that reads an
   * archive.
   */
  begin(verb: HelperVerb, onProgress?: OnHelperProgress): HelperCall {
    const call = this.#replies.expect(onProgress);
    this.#connection.write(`${verb.join(" ")}\n`);
    return call;
  }

  /** Runs a verb as a process of its own whose stdout is data; `ended` once the sink has all of it. */
  async receiveByExec(
    verb: HelperVerb,
    sink: ByteSink,
    { signal, onProgress }: ExecOptions,
  ): Promise<{ readonly ended: Promise<void>; readonly call: HelperCall }> {
    const output = new StdoutIntoSink(sink);
    const { accept } = output;
    const connection = await this.#exec(verb, { stdin: false, accept }, signal);
    const ended = output.follow(connection, signal);
    return { ended, call: new ReplyReader(output.stderr, this.#mark).expect(onProgress) };
  }

  /** Runs a verb as a process of its own whose stdin is what is written to `connection`. */
  async sendByExec(
    verb: HelperVerb,
    { signal, onProgress }: ExecOptions,
  ): Promise<{ readonly connection: Duplex; readonly call: HelperCall }> {
    const connection = await this.#exec(verb, { stdin: true }, signal);
    const output = demultiplex(connection);
    output.stdout.resume();
    return { connection, call: new ReplyReader(output.stderr, this.#mark).expect(onProgress) };
  }

  #exec(
    verb: HelperVerb,
    streams: { readonly stdin: boolean; readonly accept?: StdoutIntoSink["accept"] },
    signal: AbortSignal,
  ): Promise<Duplex> {
    const command = ["sh", "-c", SCRIPT, "dockform-helper", ...verb];
    return execInContainer(this.#engine, this.containerId, { command, ...streams }, signal);
  }

  /** Removes the container, whatever state it is in, under a time limit of its own; once only. */
  [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#heartbeat);
    this.#removed ??= this.#remove();
    return this.#removed;
  }

  /** Lets the container end and stay, to tell of what was not finished. */
  async abandon(): Promise<void> {
    clearInterval(this.#heartbeat);
    this.#removed ??= Promise.resolve();
    this.#connection.destroy();
    await this.exchange?.remove();
    await waitContainer(this.#engine, this.containerId, cleanupLimit()).catch((error: unknown) => {
      this.#log.debug(`the helper's end was not seen: ${messageOf(error)}`);
    });
  }

  async #remove(): Promise<void> {
    try {
      await removeHelper(this.#engine, this.containerId);
    } catch (error) {
      this.#log.warn(
        `cannot remove the helper container ${this.containerId.slice(0, 12)}: ${messageOf(error)}`,
      );
    }
    this.#connection.destroy();
    await this.exchange?.remove();
  }
}

/** Without a folder to share, data goes through the engine. */
async function makeExchangeFolder(options: HelperOptions): Promise<ExchangeFolder | undefined> {
  try {
    return await ExchangeFolder.create(options.temporaryFolder, options.log);
  } catch (error) {
    options.log.debug(`no folder to share with the helper: ${messageOf(error)}`);
    return undefined;
  }
}

async function createHelper(
  engine: EngineClient,
  options: HelperOptions,
  mark: string,
  exchange: ExchangeFolder | undefined,
): Promise<{ readonly id: string; readonly sharesFolder: boolean }> {
  const create = async (folder: string | undefined): Promise<string> => {
    try {
      const { volume, name } = options.operation;
      const readOnly = OPERATIONS[name].mounts === "ro";
      return await createOnVolume(engine, { volume, readOnly }, (mount) => {
        const definition = helperDefinition(options, mark, mount, folder);
        return createContainerSurely(engine, options.name, definition, options);
      });
    } catch (error) {
      throw isConflict(error) ? new NameTakenError(options.name, error) : error;
    }
  };
  try {
    return { id: await create(exchange?.folder), sharesFolder: exchange !== undefined };
  } catch (error) {
    if (exchange === undefined || !isMissingFolder(error)) throw error;
    // The engine does not see this machine's folders: it runs elsewhere.
    return { id: await create(undefined), sharesFolder: false };
  }
}

async function startHelper(
  engine: EngineClient,
  id: string,
  { image, signal }: HelperOptions,
): Promise<void> {
  try {
    await startContainer(engine, id, signal);
  } catch (error) {
    if (!(error instanceof EngineApiError && error.message.includes(NOT_FOUND_IN_IMAGE)))
      throw error;
    throw new DockformError("helper.image-unsuitable", `the helper image ${image} has no shell`, {
      hint: IMAGE_ADVICE,
      cause: error,
    });
  }
}

function isMissingFolder(error: unknown): boolean {
  return error instanceof EngineApiError && error.statusCode === 400;
}

const READING_CAPABILITIES = ["DAC_OVERRIDE"];
const WRITING_CAPABILITIES = ["CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "MKNOD", "SETFCAP"];

/** As little as tar needs to be faithful. */
function helperDefinition(
  options: HelperOptions,
  mark: string,
  volumeMount: VolumeMount,
  exchangeFolder: string | undefined,
): Readonly<Record<string, unknown>> {
  const { mounts, needsRecovery } = OPERATIONS[options.operation.name];
  const capabilities = mounts === "rw" ? WRITING_CAPABILITIES : READING_CAPABILITIES;
  // tar writes ACLs with the names it finds here, and names mean other people elsewhere.
  const noNames = ["/etc/passwd", "/etc/group"].map((file) => ({
    Type: "bind",
    Source: "/dev/null",
    Target: file,
    ReadOnly: true,
  }));
  const exchangeMount = { Type: "bind", Source: exchangeFolder, Target: "/exchange" };
  return hardened({
    image: options.image,
    entrypoint: ["sh", "-c", SCRIPT, "dockform-helper"],
    command: ["serve"],
    environment: [`DOCKFORM_MARK=${mark}`],
    labels: operationLabels(options.operation),
    mounts: [volumeMount, ...noNames, ...(exchangeFolder === undefined ? [] : [exchangeMount])],
    capabilities: [...capabilities, ...options.capabilities],
    // zstd has a thread for each core.
    pidsLimit: 1024,
    temporary: { "/scratch": "rw,noexec,nosuid,nodev,size=16m" },
    lastsAsConnection: true,
    // Where the operation was cut short, its container is what tells of it.
    isRemovedAtEnd: !needsRecovery,
  });
}

/** Waits until a helper has ended, as it does once its last verb is finished, and ends it if it does not. */
export async function endHelper(
  engine: EngineClient,
  id: string,
  signal: AbortSignal,
): Promise<void> {
  try {
    await waitContainer(engine, id, AbortSignal.any([signal, cleanupLimit()]));
  } catch (error) {
    if (isNotFound(error)) return;
    signal.throwIfAborted();
    try {
      await killContainer(engine, id, signal);
    } catch (failure) {
      // It has ended since; only the way to the engine was cut.
      if (!isConflict(failure)) throw failure;
    }
    await waitContainer(engine, id, signal);
  }
}

function cleanupLimit(): AbortSignal {
  return AbortSignal.timeout(CLEANUP_TIMEOUT_MS);
}

/** Removes a container of ours, running or not; one that is gone already is as good. */
export async function removeHelper(
  engine: EngineClient,
  id: string,
  signal: AbortSignal = cleanupLimit(),
): Promise<void> {
  try {
    await removeContainer(engine, id, signal);
  } catch (error) {
    if (isNotFound(error)) return;
    if (!isConflict(error)) throw error;
    // The engine is removing it already; the volume is free once that is done.
    await untilGone(engine, id, signal);
  }
}

async function untilGone(engine: EngineClient, id: string, signal: AbortSignal): Promise<void> {
  for (;;) {
    try {
      await inspectContainer(engine, id, signal);
    } catch (error) {
      if (isNotFound(error)) return;
      throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, GONE_POLL_MS));
  }
}
