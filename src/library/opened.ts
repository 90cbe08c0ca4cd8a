import type { Surroundings } from "../app/surroundings.ts";
import { inventory } from "../app/inventory.ts";
import { listSnapshots } from "../app/list-snapshots.ts";
import { recoverAll } from "../app/recover-all.ts";
import { restoreNamed, type RestoreOrder } from "../app/restore-volume.ts";
import { errorsOf, throwFirst } from "../app/several.ts";
import { verifySnapshots } from "../app/verify-snapshots.ts";
import { Workspace } from "../app/workspace.ts";
import { snapshotVolume } from "../capture/snapshot.ts";
import { EngineClient } from "../engine/client.ts";
import type { EngineEndpoint } from "../engine/endpoint.ts";
import { DockformError, unexpected } from "../errors.ts";
import { describeOperation } from "../journal/operation.ts";
import { recoverVolume, type RecoveryReport } from "../restore/recover.ts";
import { DEFAULT_HEALTH_TIMEOUT_MS } from "../restore/request.ts";
import { undoVolume } from "../restore/undo.ts";
import { DEFAULT_LEVEL } from "../snapshot/name.ts";
import type { Tools } from "../tools.ts";
import { VERSION } from "../version.ts";
import type * as api from "./api.ts";
import { Events } from "./events.ts";
import {
  recoveryResult,
  restorePlan,
  restoreResult,
  snapshotInfos,
  snapshotResult,
  undoResult,
  verification,
  volumeInfo,
} from "./results.ts";

/** What of the machine and the process a call may see. */
export interface Edge extends Omit<Surroundings, "tools" | "connect"> {
  /** Who runs this, for others to read. */
  readonly clientName: () => string;
  /** Whether the process of such a client is known to run. */
  readonly runsHere: (client: string) => boolean;
}

/** Each call reads the manifest and connects anew: it sees what has changed, and ends by itself. */
export class OpenedDockform implements api.Dockform {
  readonly #options: api.OpenOptions;
  readonly #edge: Edge;
  readonly #events: Events;
  readonly #closing = new AbortController();
  readonly #calls = new Set<Promise<unknown>>();

  private constructor(options: api.OpenOptions, edge: Edge) {
    this.#options = options;
    this.#edge = edge;
    this.#events = new Events(options.on);
  }

  /** @throws DockformError of kind `manifest` where the manifest is not valid. */
  static async open(options: api.OpenOptions, edge: Edge): Promise<OpenedDockform> {
    const opened = new OpenedDockform(options, edge);
    await opened.#call({}, async () => {});
    return opened;
  }

  listVolumes(options: api.CallOptions = {}): Promise<readonly api.VolumeInfo[]> {
    return this.#call(options, async (workspace, tools) => {
      const { volumes, failed } = await inventory(workspace, tools);
      throwFirst(errorsOf(failed), this.#events.log);
      return volumes.map(volumeInfo);
    });
  }

  snapshot(volume: string, options: api.SnapshotOptions = {}): Promise<api.SnapshotResult> {
    const { note, ifChanged = false, level = DEFAULT_LEVEL, format = "tar.zst" } = options;
    return this.#call(options, async (workspace, tools) => {
      const target = await workspace.target(volume);
      return snapshotResult(
        await snapshotVolume({ target, note, ifChanged, level, format }, tools),
      );
    });
  }

  listSnapshots(
    volume?: string,
    options: api.CallOptions = {},
  ): Promise<readonly api.SnapshotInfo[]> {
    return this.#call(options, async (workspace) =>
      (await listSnapshots(workspace.catalog(), volume)).flatMap(snapshotInfos),
    );
  }

  verify(
    snapshot: string,
    { deep = false, ...options }: api.VerifyOptions = {},
  ): Promise<api.Verification> {
    return this.#call(options, async (workspace, tools) => {
      const found = await workspace.catalog().find(snapshot);
      const [outcome] = await verifySnapshots([found], deep ? workspace : undefined, tools);
      if (outcome?.verification !== undefined) return verification(outcome.verification);
      throw outcome?.error ?? unexpected("a verification had no outcome", undefined);
    });
  }

  planRestore(
    volume: string,
    snapshot: string,
    options: api.RestoreOptions = {},
  ): Promise<api.RestorePlan> {
    const order = restoreOrder(volume, snapshot, options);
    return this.#call(options, async (workspace, tools) => {
      const report = await restoreNamed(workspace, { ...order, dryRun: true }, tools);
      if (report.plan.refusal !== undefined) throw report.plan.refusal;
      // The very snapshot that was looked at: the latest one may be another by then.
      return restorePlan(report, (call = {}) =>
        this.restore(volume, report.archivePath, { ...options, ...call }),
      );
    });
  }

  restore(
    volume: string,
    snapshot: string,
    options: api.RestoreOptions = {},
  ): Promise<api.RestoreResult> {
    const order = restoreOrder(volume, snapshot, options);
    return this.#call(options, async (workspace, tools) =>
      restoreResult(await restoreNamed(workspace, order, tools)),
    );
  }

  recover(
    volume?: string,
    { healthTimeoutMs = DEFAULT_HEALTH_TIMEOUT_MS, ...options }: api.RecoverOptions = {},
  ): Promise<readonly api.RecoveryResult[]> {
    return this.#call(options, async (workspace, tools) => {
      if (volume === undefined) return await this.#recoverAll(workspace, healthTimeoutMs, tools);
      const target = await workspace.target(volume);
      return [recoveryResult(await recoverVolume({ target, healthTimeoutMs }, tools))];
    });
  }

  async #recoverAll(
    workspace: Workspace,
    healthTimeoutMs: number,
    tools: Tools,
  ): Promise<readonly api.RecoveryResult[]> {
    const reports: RecoveryReport[] = [];
    const failures: unknown[] = [];
    for await (const step of recoverAll(workspace, { healthTimeoutMs }, tools)) {
      if (step.kind === "recovered") reports.push(step.report);
      else if (step.kind === "failed" || step.kind === "not asked") failures.push(step.error);
      else if (step.kind === "since at work") tools.log.info(step.error.message);
      else tools.log.info(`volume ${step.operation.volume}: ${describeOperation(step.operation)}`);
    }
    throwFirst(failures, this.#events.log);
    return reports.map(recoveryResult);
  }

  undo(volume: string, options: api.UndoOptions = {}): Promise<api.UndoResult> {
    const {
      stopContainers = false,
      undeclared = false,
      healthTimeoutMs = DEFAULT_HEALTH_TIMEOUT_MS,
    } = options;
    return this.#call(options, async (workspace, tools) => {
      const target = await workspace.target(volume);
      return undoResult(
        await undoVolume({ target, stopContainers, undeclared, healthTimeoutMs }, tools),
      );
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new DockformError("command.interrupted", "dockform was closed"));
    await Promise.allSettled(this.#calls);
  }

  async #call<Result>(
    { signal }: api.CallOptions,
    run: (workspace: Workspace, tools: Tools) => Promise<Result>,
  ): Promise<Result> {
    const signals = [this.#closing.signal, this.#options.signal, signal];
    const any = AbortSignal.any(signals.filter((each) => each !== undefined));
    const call = this.#run(any, run);
    this.#calls.add(call);
    try {
      return await call;
    } finally {
      this.#calls.delete(call);
    }
  }

  async #run<Result>(
    signal: AbortSignal,
    run: (workspace: Workspace, tools: Tools) => Promise<Result>,
  ): Promise<Result> {
    signal.throwIfAborted();
    const tools = this.#tools(signal);
    const { manifest, context, store } = this.#options;
    try {
      const around = { ...this.#edge, connect, tools };
      using workspace = await Workspace.open(around, { manifest, context, store });
      return await run(workspace, tools);
    } catch (error) {
      if (!signal.aborted || error === signal.reason) throw error;
      // What the end of the call made fail is told; the call itself ends with the reason.
      if (error instanceof DockformError) this.#events.log.error(error);
      throw signal.reason;
    }
  }

  #tools(signal: AbortSignal): Tools {
    const { temporaryFolder, clientName, runsHere } = this.#edge;
    return {
      log: this.#events.log,
      emit: this.#events.emit,
      startProgress: this.#events.startProgress,
      startWait: this.#events.startWait,
      now: () => new Date(),
      signal,
      version: VERSION,
      temporaryFolder,
      get client() {
        return clientName();
      },
      runsHere,
    };
  }
}

function connect(endpoint: EngineEndpoint): EngineClient {
  return new EngineClient(endpoint);
}

function restoreOrder(volume: string, snapshot: string, options: api.RestoreOptions): RestoreOrder {
  return {
    volume,
    snapshot,
    force: options.force ?? false,
    stopContainers: options.stopContainers ?? false,
    undeclared: options.undeclared ?? false,
    create: options.create ?? false,
    dryRun: false,
    keepPrevious: options.keepPrevious ?? false,
    keepFailed: options.keepFailed ?? false,
    discardKept: options.discardKept ?? false,
    path: options.path ?? [],
    stripComponents: options.stripComponents,
    from: options.from,
    fromVolume: options.fromVolume,
    verify: options.verify ?? false,
    without: options.without ?? [],
    strictAttributes: options.strictAttributes ?? false,
    inPlace: options.inPlace ?? false,
    forceEmpty: options.forceEmpty ?? false,
    healthTimeoutMs: options.healthTimeoutMs ?? DEFAULT_HEALTH_TIMEOUT_MS,
  };
}
