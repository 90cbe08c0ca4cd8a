import { execFile } from "node:child_process";
import { copyFile, mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

/** Signs certificates for engines and their clients. */
export class Authority {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async create(folder: string): Promise<Authority> {
    await mkdir(folder, { recursive: true });
    const authority = new Authority(folder);
    const files = ["-keyout", join(folder, "ca-key.pem"), "-out", authority.certificate];
    await run("openssl", ["req", "-x509", ...KEY, ...files, "-days", "2", "-subj", "/CN=test CA"]);
    return authority;
  }

  get certificate(): string {
    return join(this.#folder, "ca.pem");
  }

  /** Makes a folder with `ca.pem`, `cert.pem` and `key.pem`; one of -1 days has expired. */
  async issue(folder: string, names: string, days = 1): Promise<string> {
    await mkdir(folder, { recursive: true });
    const file = (name: string): string => join(folder, name);
    const request = ["req", "-new", ...KEY, "-subj", "/CN=test"];
    await run("openssl", [...request, "-keyout", file("key.pem"), "-out", file("request.pem")]);
    const use = "extendedKeyUsage=serverAuth,clientAuth";
    await writeFile(file("extensions"), `subjectAltName=${names}\n${use}\n`);
    const signers = ["-CA", this.certificate, "-CAkey", join(this.#folder, "ca-key.pem")];
    const sign = ["x509", "-req", ...signers, "-CAcreateserial", "-days", String(days)];
    const files = ["-in", file("request.pem"), "-extfile", file("extensions")];
    await run("openssl", [...sign, ...files, "-out", file("cert.pem.new")]);
    await rename(file("cert.pem.new"), file("cert.pem"));
    await copyFile(this.certificate, file("ca.pem"));
    return folder;
  }
}
