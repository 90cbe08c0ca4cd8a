import type { Bench } from "./engine-bench.ts";

export type Clause = readonly [name: string, proves: (bench: Bench) => Promise<void>];
