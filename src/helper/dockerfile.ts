import { Readable } from "node:stream";

const BLOCK_BYTES = 512;

/**
 * A build context that holds nothing but a Dockerfile: one ustar entry of the POSIX.1-1988 header
 * format, then two empty blocks.
 */
export function packDockerfile(dockerfile: string): Readable {
  const content = Buffer.from(dockerfile);
  const header = Buffer.alloc(BLOCK_BYTES);
  header.write("Dockerfile", 0);
  header.write("0000644\0", 100);
  header.write("0000000\0", 108);
  header.write("0000000\0", 116);
  header.write(`${content.length.toString(8).padStart(11, "0")}\0`, 124);
  header.write("00000000000\0", 136);
  header.write("        0", 148);
  header.write("ustar\x0000", 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  const padding = Buffer.alloc((BLOCK_BYTES - (content.length % BLOCK_BYTES)) % BLOCK_BYTES);
  return Readable.from([Buffer.concat([header, content, padding, Buffer.alloc(2 * BLOCK_BYTES)])]);
}
