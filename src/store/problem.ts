import type { Sidecar } from "../snapshot/sidecar.ts";

/** Why a snapshot cannot be trusted, as far as its sidecar and the length of its data tell. */
export function problemOf(
  { stored_bytes: expected, damaged_at: damagedAt }: Sidecar,
  storedBytes: number,
): string | undefined {
  if (storedBytes === 0) return "its data file is empty";
  if (expected !== undefined && expected !== storedBytes) {
    return `it is ${storedBytes} bytes long, and was ${expected} when it was stored`;
  }
  return damagedAt === undefined ? undefined : `found damaged at ${damagedAt}`;
}
