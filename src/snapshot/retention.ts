/**
 * Which snapshots of a volume to keep, with the meaning that restic gives these rules: a snapshot is
 * kept when any of them keeps it. All are optional; without any, every snapshot is kept.
 */
export interface RetentionPolicy {
  /** The newest n. */
  readonly last?: number;
  /** Of each of the newest n hours (days, weeks, ...) that have a snapshot, the newest one. */
  readonly hourly?: number;
  readonly daily?: number;
  readonly weekly?: number;
  readonly monthly?: number;
  readonly yearly?: number;
  /** All that are not older than this, counted from the newest: `30d`, `1y5m7d2h`. */
  readonly within?: string;
  /** All whose note matches this regular expression. */
  readonly note?: string;
}
