import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { createSecureContext, type SecureContext } from "node:tls";
import { DockformError, messageOf, systemCode } from "../errors.ts";
import type { TlsSettings } from "./endpoint.ts";

/** Whom to trust, and what to prove oneself with. */
export interface TlsIdentity {
  readonly context: SecureContext;
  /** Whether there is a certificate for an engine that asks for one. */
  readonly hasCertificate: boolean;
}

/**
 * Reads `ca.pem`, `cert.pem` and `key.pem`. Without the first the system's authorities count, without the others
 * nothing is proven to the engine.
 *
 * @throws DockformError `tls.unreadable`
 */
export async function readTlsIdentity({ folder }: TlsSettings): Promise<TlsIdentity> {
  const [ca, cert, key] = await Promise.all(
    ["ca.pem", "cert.pem", "key.pem"].map((name) => readIfThere(join(folder, name))),
  );
  if ((cert === undefined) !== (key === undefined)) {
    const missing = cert === undefined ? "cert.pem" : "key.pem";
    throw unusable(folder, `${missing} is missing`);
  }
  try {
    return {
      context: createSecureContext({ ca, cert, key, minVersion: "TLSv1.2" }),
      hasCertificate: cert !== undefined,
    };
  } catch (error) {
    throw unusable(folder, messageOf(error), error);
  }
}

async function readIfThere(file: string): Promise<Buffer | undefined> {
  try {
    return await readFile(file);
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw unusable(file, messageOf(error), error);
  }
}

function unusable(place: string, why: string, cause?: unknown): DockformError {
  return new DockformError("tls.unreadable", `cannot use the certificates in ${place}: ${why}`, {
    hint: "There belong ca.pem, and cert.pem with its key.pem without a passphrase, as `docker context create` or DOCKER_CERT_PATH has them.",
    cause,
  });
}
