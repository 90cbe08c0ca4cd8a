import { DockformError, messageOf, systemCode, type ErrorCode } from "../errors.ts";
import type { EngineEndpoint } from "./endpoint.ts";

const UNTRUSTED = new Set([
  "CERT_SIGNATURE_FAILURE",
  "CERT_UNTRUSTED",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "INVALID_CA",
  "INVALID_PURPOSE",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
]);
const UNTIMELY = new Set(["CERT_HAS_EXPIRED", "CERT_NOT_YET_VALID"]);
/** An alert of the engine's: it says no to this side's certificate, or misses it. */
const CLIENT_REFUSED =
  /ALERT_(CERTIFICATE_REQUIRED|BAD_CERTIFICATE|CERTIFICATE_(EXPIRED|REVOKED|UNKNOWN)|UNKNOWN_CA|ACCESS_DENIED|HANDSHAKE_FAILURE)/;
/** An engine that misses a certificate may be gone before it can be heard. */
const CUT_OFF = new Set(["ECONNRESET", "EPIPE"]);

/**
 * What OpenSSL's words mean for whoever reads them; `undefined` where they are not about TLS.
 *
 * @param hasCertificate whether this side has one to show.
 */
export function tlsFailure(
  error: unknown,
  { context, host, tls }: EngineEndpoint,
  hasCertificate: boolean,
): DockformError | undefined {
  const code = codeOf(error, hasCertificate);
  if (code === undefined) return undefined;
  const { what, hint } = WORDS[code](tls?.folder ?? "", hasCertificate);
  return new DockformError(
    code,
    `the engine of context "${context}" at ${host} ${what}: ${reasonOf(error)}`,
    { hint, cause: error },
  );
}

function codeOf(error: unknown, hasCertificate: boolean): TlsCode | undefined {
  const code = systemCode(error) ?? "";
  if (UNTRUSTED.has(code)) return "tls.untrusted";
  if (UNTIMELY.has(code)) return "tls.expired";
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") return "tls.wrong-name";
  if (CLIENT_REFUSED.test(code)) return "tls.client-refused";
  if (CUT_OFF.has(code) && !hasCertificate) return "tls.client-refused";
  return code.startsWith("ERR_SSL_") || code === "EPROTO" ? "tls.failed" : undefined;
}

type TlsCode = Exclude<Extract<ErrorCode, `tls.${string}`>, "tls.unreadable">;

type Words = (
  folder: string,
  hasCertificate: boolean,
) => { readonly what: string; readonly hint: string };

const WORDS: Readonly<Record<TlsCode, Words>> = {
  "tls.untrusted": (folder) => ({
    what: "has a certificate of an authority that is not trusted",
    hint: `Is it that engine? Then put the certificate of its authority into ${folder}/ca.pem.`,
  }),
  "tls.expired": () => ({
    what: "has a certificate that is not valid today",
    hint: "Give the engine a new certificate, and check the clock of this machine.",
  }),
  "tls.wrong-name": () => ({
    what: "has a certificate for another name",
    hint: "Use a name or address that the certificate is for, or give the engine one with that name in it (subjectAltName).",
  }),
  "tls.client-refused": (folder, hasCertificate) => ({
    what: hasCertificate
      ? `does not take the certificate ${folder}/cert.pem`
      : "wants a certificate, and there is none to show",
    hint: `Put a certificate that the engine's authority has signed, and that has not expired, into ${folder} as cert.pem and key.pem.`,
  }),
  "tls.failed": () => ({
    what: "gives no encrypted connection",
    hint: "Does what answers at that port speak TLS? Engines do so at 2376, by custom.",
  }),
};

/** OpenSSL's words without the places in its source. */
function reasonOf(error: unknown): string {
  const reason = error instanceof Error && "reason" in error ? error.reason : undefined;
  return typeof reason === "string" ? reason : messageOf(error).trim();
}
