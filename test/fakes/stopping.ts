import { FakeClient } from "./client.ts";
import type { FakeContainer } from "./container.ts";
import { FakeLedger } from "./ledger.ts";
import { FakeEngine } from "./engine.ts";
import { FakeLog } from "./surroundings.ts";
import { listContainers, type RestartPolicy } from "../../src/engine/containers.ts";
import { StoppedContainers } from "../../src/workload/stopped.ts";
import { usersAmong, type VolumeUser } from "../../src/workload/users.ts";

export const policy = (Name: string): RestartPolicy => ({ Name, MaximumRetryCount: 0 });

export const NO_ANSWER = new Error("connect ECONNREFUSED");

export const nobodyElse = (): Promise<void> => Promise.resolve();

/** An engine with a volume and containers that use it. */
export class StoppingScene {
  readonly engine = new FakeEngine();
  readonly client = new FakeClient(this.engine);
  readonly ledger = new FakeLedger("data");
  readonly log = new FakeLog();
  readonly stopped = new StoppedContainers(this.client, this.ledger, this.log);

  constructor() {
    this.engine.createVolume("data");
  }

  user(
    name: string,
    state: "created" | "running" | "paused" = "running",
    more: {
      readonly restart?: string;
      readonly labels?: Readonly<Record<string, string>>;
      readonly network?: string;
      readonly autoRemove?: boolean;
    } = {},
  ): FakeContainer {
    const { restart = "no", labels = {}, network = "none", autoRemove = false } = more;
    const container = this.engine.createContainer(name, {
      Image: "app:1",
      Labels: labels,
      HostConfig: {
        NetworkMode: network,
        AutoRemove: autoRemove,
        RestartPolicy: policy(restart),
        Mounts: [{ Type: "volume", Source: "data", Target: "/data" }],
      },
    });
    if (state !== "created") this.engine.startContainer(container.id);
    if (state === "paused") this.engine.pauseContainer(container.id);
    return container;
  }

  async users(): Promise<readonly VolumeUser[]> {
    const volume = { name: "data", driver: "local", driverOpts: {}, labels: {}, mountpoint: "" };
    return usersAmong(await listContainers(new FakeClient(this.engine)), volume);
  }

  async stop(holdOn: () => Promise<void> = nobodyElse): Promise<void> {
    await this.stopped.stop(await this.users(), holdOn);
  }

  /** What whoever comes after this client makes of its records. */
  byRecords(): StoppedContainers {
    const records = this.ledger.found();
    return StoppedContainers.ofRecords(this.client, this.ledger, records, this.log);
  }
}
