/** Restores in a house, and what has to be so after one that failed. */
import assert from "node:assert/strict";
import type { House } from "./house.ts";
import { type ErrorCode } from "../../src/errors.ts";
import { recoverVolume } from "../../src/restore/recover.ts";
import type { RestoreReport, RestoreRequest } from "../../src/restore/request.ts";
import { restoreVolume } from "../../src/restore/restore.ts";

export function restore(house: House, more: Partial<RestoreRequest> = {}): Promise<RestoreReport> {
  return restoreVolume(house.request(more), house.tools);
}

export function recover(house: House, healthTimeoutMs = 0): ReturnType<typeof recoverVolume> {
  return recoverVolume({ target: house.target(), healthTimeoutMs }, house.tools);
}

/** Whatever was refused or failed: old contents, containers as they were, and nothing left. */
export function assertUntouched(house: House, users: readonly string[]): void {
  assert.equal(house.inPlace, "old");
  assert.deepEqual(house.users(), users);
  assert.deepEqual(house.left(), []);
  assert.deepEqual([...house.disk.stagings], []);
}

export async function assertFails(
  house: House,
  code: ErrorCode,
  message: RegExp,
  more: Partial<RestoreRequest> = {},
): Promise<void> {
  const users = house.users();
  await assert.rejects(restore(house, more), { code, message });
  assertUntouched(house, users);
}
