/** What the fault suite does to the product: from a seed to a list of faults, and nothing else. */

export const PHASES = [
  "check",
  "extract",
  "stop",
  "safety",
  "clear",
  "swap",
  "start",
  "health",
  "clean-up",
] as const;
export type Phase = (typeof PHASES)[number];

export type Operation =
  | "restore"
  | "restore --keep-previous"
  | "restore --verify"
  | "restore --path"
  | "restore --in-place"
  | "snapshot"
  | "recover"
  | "undo";

/** When a blow falls: some time after a phase began, or at a part of the time that the command takes. */
export type Moment =
  | { readonly phase: Phase; readonly delayMs: number }
  | { readonly fraction: number };

export type Blow =
  | "kill the client"
  | "kill the helper"
  | "remove the helper"
  | "kill the engine"
  | "cut the power"
  | "interrupt"
  | "cut the connection"
  | "cut the connection for good"
  | "fill the volume"
  | "fill the snapshot folder"
  | "turn the clock back";

/** What a stranger does next, before anything else. */
export type NextCommand = "recover" | "restore" | "snapshot";

/**
 * Where the volume lies: in the engine's own folder (`roomy`); on a small ext4 that can be filled, or one that is so full
 * that old and new contents do not fit in at once (`cramped`); on other disks; on an overlay whose lower folder is empty,
 * or holds the contents (`lower`); on mergerfs, on one branch, or on both (`branches`); in memory.
 */
export type Ground =
  | "roomy"
  | "small"
  | "cramped"
  | "xfs"
  | "btrfs"
  | "overlay"
  | "lower"
  | "mergerfs"
  | "branches"
  | "memory";

/** Something happens to a command at a moment. */
export interface Strike {
  readonly kind: "strike";
  readonly ground: Ground;
  readonly operation: Operation;
  readonly blow: Blow;
  readonly moment: Moment;
  readonly next: NextCommand;
}

export const ARCHIVE_PLACES = [
  "magic",
  "frame header",
  "first block",
  "middle",
  "last block",
  "frame end",
  "checksum trailer",
] as const;
export const TAR_PLACES = [
  "first name",
  "size field",
  "header checksum",
  "data",
  "last entry",
  "end mark",
] as const;
export const SIDECAR_PLACES = [
  "opening brace",
  "dockform_version",
  "created_at",
  "volume_name",
  "spec_hash",
  "driver",
  "uncompressed_bytes",
  "file_count",
  "checksum",
  "format_version",
  "stored_bytes",
  "entry_count",
  "engine",
  "consistency",
  "durations",
  "closing brace",
] as const;

export type Place =
  | (typeof ARCHIVE_PLACES)[number]
  | (typeof TAR_PLACES)[number]
  | (typeof SIDECAR_PLACES)[number]
  | "anywhere";

/** A snapshot's file is not what was written, from the beginning or from a moment on. */
export interface Damage {
  readonly kind: "damage";
  readonly ground: Ground;
  readonly file: "archive" | "sidecar";
  readonly format: "tar.zst" | "tar";
  /** Whether the archive has its sidecar, which vouches for it. */
  readonly vouchedFor: boolean;
  readonly how: "flip a bit" | "truncate";
  readonly place: Place;
  /** Where within the place, or within the file: a part of its length. */
  readonly fraction: number;
  readonly bit: number;
  readonly when: "before" | "after the check";
}

export const RACES = [
  "restore and restore",
  "restore and snapshot",
  "recover and recover",
  "recover and restore",
  "recover and a client whose helper died",
  "undo and undo",
  "undo and restore",
] as const;

/** Two clients at one volume. */
export interface Race {
  readonly kind: "race";
  readonly ground: Ground;
  readonly between: (typeof RACES)[number];
  readonly gapMs: number;
  /** Where the operation was cut short that there is to recover from. */
  readonly cutAt: Phase;
}

export type Fault = Strike | Damage | Race;

/**
 * The fault of a number within a seed. It depends on nothing else, so that one of a thousand can be
 * done again alone.
 */
export function faultOf(seed: number, index: number): Fault {
  const dice = new Dice(seed, index);
  return dice.weighted(KINDS)(dice);
}

/** One word or two for the report's table. */
export function kindOf(fault: Fault): string {
  switch (fault.kind) {
    case "strike":
      return fault.blow;
    case "damage":
      return `${fault.how} in the ${fault.file}`;
    case "race":
      return fault.between;
  }
}

/** A fault in one line. */
export function describeFault(fault: Fault): string {
  switch (fault.kind) {
    case "strike":
      return `${fault.operation}: ${fault.blow} ${describeMoment(fault.moment)}, then ${fault.next} (${fault.ground})`;
    case "damage": {
      const sidecar = fault.vouchedFor ? "with" : "without";
      return `${fault.how} ${fault.when} in the ${fault.file} (.${fault.format} ${sidecar} sidecar) at ${fault.place} ${fault.fraction.toFixed(3)}, bit ${fault.bit}`;
    }
    case "race":
      return `${fault.between}, ${fault.gapMs} ms apart, cut at ${fault.cutAt} (${fault.ground})`;
  }
}

function describeMoment(moment: Moment): string {
  return "phase" in moment
    ? `${moment.delayMs} ms into ${moment.phase}`
    : `at ${(moment.fraction * 100).toFixed(1)} % of its time`;
}

type Make = (dice: Dice) => Fault;
type Weighted<T> = readonly (readonly [weight: number, item: T])[];

/** What costs little is done often; the weights add up to 100. */
const KINDS: Weighted<Make> = [
  [12, strike("kill the client")],
  [6, strike("kill the helper")],
  [6, strike("remove the helper")],
  [4, strike("kill the engine")],
  [3, strike("cut the power")],
  [6, strike("interrupt")],
  [4, strike("cut the connection")],
  [4, strike("cut the connection for good")],
  [3, strike("fill the volume", ["restore", "restore --keep-previous", "restore --verify"])],
  [2, strike("fill the snapshot folder", ["snapshot", "restore --in-place"])],
  [2, strike("turn the clock back", ["restore", "snapshot"])],
  [6, race],
  [14, (dice) => damage(dice, "archive", "flip a bit")],
  [10, (dice) => damage(dice, "archive", "truncate")],
  [11, (dice) => damage(dice, "sidecar", "flip a bit")],
  [7, (dice) => damage(dice, "sidecar", "truncate")],
];

const OPERATIONS: Weighted<Operation> = [
  [44, "restore"],
  [14, "restore --keep-previous"],
  [5, "restore --verify"],
  [7, "restore --path"],
  [8, "restore --in-place"],
  [6, "snapshot"],
  [8, "recover"],
  [8, "undo"],
];

/** Where time is short but much is at stake a random instant seldom falls. */
const SWAP_PHASES: Weighted<Phase> = [
  [3, "stop"],
  [6, "swap"],
  [4, "start"],
  [1, "health"],
  [3, "clean-up"],
];
const RESTORE_PHASES: Weighted<Phase> = [[1, "check"], [3, "extract"], ...SWAP_PHASES];
const IN_PLACE_PHASES: Weighted<Phase> = [
  [1, "check"],
  [2, "stop"],
  [2, "safety"],
  [4, "clear"],
  [6, "extract"],
  [3, "start"],
  [2, "clean-up"],
];

/** The phases that a command says it begins; of the others one does not know. */
const PHASES_OF: Readonly<Record<Operation, Weighted<Phase>>> = {
  restore: RESTORE_PHASES,
  "restore --keep-previous": RESTORE_PHASES,
  "restore --verify": RESTORE_PHASES,
  "restore --path": RESTORE_PHASES,
  "restore --in-place": IN_PLACE_PHASES,
  snapshot: [],
  recover: [],
  undo: SWAP_PHASES,
};

const NEXT: Weighted<NextCommand> = [
  [6, "recover"],
  [2, "restore"],
  [2, "snapshot"],
];

const MAX_DELAY_MS = 60;
/** Before that, Node.js is still starting. */
const FIRST_FRACTION = 0.15;
const MAX_GAP_MS = 1500;

function strike(blow: Blow, operations?: readonly Operation[]): Make {
  return (dice) => {
    const operation = operations === undefined ? dice.weighted(OPERATIONS) : dice.among(operations);
    const moment = momentIn(dice, PHASES_OF[operation]);
    const next = dice.weighted(NEXT);
    const ground = dice.weighted(groundsFor(operation, blow));
    return { kind: "strike", ground, operation, blow, moment, next };
  };
}

const GROUNDS: Weighted<Ground> = [
  [40, "roomy"],
  [8, "xfs"],
  [8, "btrfs"],
  [8, "overlay"],
  [12, "mergerfs"],
  [8, "memory"],
];

/** For want of room, or because entries cannot be renamed. */
const IN_PLACE_GROUNDS: Weighted<Ground> = [
  [4, "cramped"],
  [3, "lower"],
  [3, "branches"],
];

function groundsFor(operation: Operation, blow: Blow): Weighted<Ground> {
  if (operation === "restore --in-place") {
    return blow === "cut the power" ? [[1, "cramped"]] : IN_PLACE_GROUNDS;
  }
  if (blow === "fill the volume") return [[1, "small"]];
  // What a power cut takes from memory can only be taken from a disk of the suite's own.
  if (blow === "cut the power") {
    return [
      [4, "small"],
      [3, "xfs"],
      [3, "btrfs"],
    ];
  }
  return GROUNDS.filter(([, ground]) => ground !== "memory" || blow !== "kill the engine");
}

function momentIn(dice: Dice, phases: Weighted<Phase>): Moment {
  const fraction = FIRST_FRACTION + dice.number() * (1 - FIRST_FRACTION);
  if (phases.length === 0 || dice.number() < 0.4) return { fraction };
  return { phase: dice.weighted(phases), delayMs: dice.below(MAX_DELAY_MS) };
}

function race(dice: Dice): Race {
  return {
    kind: "race",
    between: dice.among(RACES),
    gapMs: dice.number() < 0.3 ? 0 : dice.below(MAX_GAP_MS),
    cutAt: dice.among(["extract", "stop", "swap", "start", "clean-up"]),
    ground: dice.weighted(GROUNDS),
  };
}

function damage(dice: Dice, file: Damage["file"], how: Damage["how"]): Damage {
  const format = dice.among(["tar.zst", "tar.zst", "tar"] as const);
  // Nothing but a sidecar's checksum tells a bit of a plain tar from another.
  const needsSidecar = file === "sidecar" || (format === "tar" && how === "flip a bit");
  const vouchedFor = needsSidecar || dice.number() < 0.5;
  const places = file === "sidecar" ? SIDECAR_PLACES : placesOf(format);
  return {
    kind: "damage",
    ground: "roomy",
    file,
    format,
    vouchedFor,
    how,
    place: dice.number() < 0.3 ? "anywhere" : dice.among(places),
    fraction: dice.number(),
    bit: dice.below(8),
    when: file === "archive" && vouchedFor && dice.number() < 0.15 ? "after the check" : "before",
  };
}

function placesOf(format: Damage["format"]): readonly Place[] {
  return format === "tar" ? TAR_PLACES : ARCHIVE_PLACES;
}

/** Numbers that only depend on a seed and an index (splitmix32). */
class Dice {
  #state: number;

  constructor(seed: number, index: number) {
    this.#state = (Math.imul(seed | 0, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca77)) | 0;
    this.number();
  }

  /** From 0 up to, but not including, 1. */
  number(): number {
    this.#state = (this.#state + 0x9e3779b9) | 0;
    let mixed = this.#state ^ (this.#state >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a2d97);
    mixed ^= mixed >>> 15;
    return (mixed >>> 0) / 2 ** 32;
  }

  /** A whole number from 0 up to, but not including, the limit. */
  below(limit: number): number {
    return Math.floor(this.number() * limit);
  }

  among<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)];
    if (item === undefined) throw new Error("nothing to choose from");
    return item;
  }

  weighted<T>(items: Weighted<T>): T {
    let left = this.number() * items.reduce((sum, [weight]) => sum + weight, 0);
    for (const [weight, item] of items) {
      left -= weight;
      if (left < 0) return item;
    }
    throw new Error("nothing to choose from");
  }
}
