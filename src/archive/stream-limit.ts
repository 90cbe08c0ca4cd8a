import type { ByteSource } from "../byte-source.ts";

/** How long a tar stream may be, and what to say of a longer one. */
export interface StreamLimit {
  readonly bytes: number;
  readonly exceeded: () => Error;
}

/** The guard against a small archive that becomes an endless stream: at most one chunk more of it is unpacked. */
export async function* limited(tar: ByteSource, { bytes, exceeded }: StreamLimit): ByteSource {
  let passed = 0;
  for await (const chunk of tar) {
    passed += chunk.length;
    if (passed > bytes) throw exceeded();
    yield chunk;
  }
}
