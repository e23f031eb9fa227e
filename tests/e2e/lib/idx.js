// MNIST-format files from a program that shares nothing with the product: glyphs of a 5x7 dot font, placed,
// scaled and noised by a small generator.
import { gzipSync } from "node:zlib";

const FONT = [
  "01110 10001 10011 10101 11001 10001 01110",
  "00100 01100 00100 00100 00100 00100 01110",
  "01110 10001 00001 00010 00100 01000 11111",
  "11111 00010 00100 00010 00001 10001 01110",
  "00010 00110 01010 10010 11111 00010 00010",
  "11111 10000 11110 00001 00001 10001 01110",
  "00110 01000 10000 11110 10001 10001 01110",
  "11111 00001 00010 00100 01000 01000 01000",
  "01110 10001 10001 01110 10001 10001 01110",
  "01110 10001 10001 01111 00001 00010 01100",
].map((rows) => rows.split(" "));
const SIDE = 28;

/** Numbers in [0, 1): a linear congruential generator. */
function generator(seed) {
  let state = seed >>> 0;
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
}

function glyph(digit, random) {
  const pixels = Buffer.alloc(SIDE * SIDE);
  const scale = 2.4 + random() * 0.9;
  const left = 3 + random() * (SIDE - 6 - 5 * scale);
  const top = 1 + random() * (SIDE - 2 - 7 * scale);
  for (let y = 0; y < SIDE; y += 1) {
    for (let x = 0; x < SIDE; x += 1) {
      const inked = FONT[digit][Math.floor((y - top) / scale)]?.[Math.floor((x - left) / scale)] === "1";
      pixels[y * SIDE + x] = inked ? 200 + random() * 55 : random() * 25;
    }
  }
  return pixels;
}

function header(kind, ...sizes) {
  const bytes = Buffer.alloc(4 + 4 * sizes.length);
  bytes.writeUInt32BE(0x0800 + kind, 0);
  sizes.forEach((size, index) => bytes.writeUInt32BE(size, 4 + 4 * index));
  return bytes;
}

/** An image file and its label file. */
export function idxPair(count, seed) {
  const random = generator(seed);
  const labels = Array.from({ length: count }, (_, index) => index % 10);
  const images = Buffer.concat([header(3, count, SIDE, SIDE), ...labels.map((label) => glyph(label, random))]);
  return { images, labels: Buffer.concat([header(1, count), Buffer.from(labels)]) };
}

/** Files as a file input takes them. */
export const file = (name, buffer) => ({ name, mimeType: "application/octet-stream", buffer });

/** The four files of a data set, as Yann LeCun's page names them. */
export function idxFiles({ train = 2000, heldOut = 400, gzip = false } = {}) {
  const [trainPair, heldOutPair] = [idxPair(train, 1), idxPair(heldOut, 2)];
  const pack = (name, buffer) => (gzip ? file(`${name}.gz`, gzipSync(buffer)) : file(name, buffer));
  return [
    pack("train-images-idx3-ubyte", trainPair.images),
    pack("train-labels-idx1-ubyte", trainPair.labels),
    pack("t10k-images-idx3-ubyte", heldOutPair.images),
    pack("t10k-labels-idx1-ubyte", heldOutPair.labels),
  ];
}
