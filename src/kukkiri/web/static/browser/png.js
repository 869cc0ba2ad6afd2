/**
 * PNG files read and written sample by sample, in 8 or 16 bit, with their metadata.
 *
 * A canvas stores colours multiplied by alpha in 8 bit, which loses both; browsers unpack and pack deflate themselves.
 */

/** @typedef {{height: number, width: number, colour: Float32Array[], alpha: Float32Array | null, depth: 8 | 16}} Pixels */
/** @typedef {{type: string, data: Uint8Array}} Chunk */

const SIGNATURE = [137, 80, 78, 71, 13, 10, 26, 10];
const CHANNELS = /** @type {Record<number, number>} */ ({ 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 });
const ADAM7 = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
];

/** @param {Uint8Array} bytes */
export function isPng(bytes) {
  return SIGNATURE.every((value, at) => bytes[at] === value);
}

/**
 * Split a file into its chunks.
 * @param {Uint8Array} bytes
 * @returns {Chunk[]}
 */
export function readChunks(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const chunks = [];
  for (let at = 8; at + 12 <= bytes.length; ) {
    const length = view.getUint32(at);
    if (at + 12 + length > bytes.length) throw new RangeError("the file ends in the middle of a chunk");
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    chunks.push({ type, data: bytes.subarray(at + 8, at + 8 + length) });
    if (type === "IEND") return chunks;
    at += 12 + length;
  }
  throw new RangeError("the file ends before its last chunk");
}

/**
 * The header of a file: its size, known before anything is decoded.
 * @param {Chunk[]} chunks
 */
export function readHeader(chunks) {
  const { data } = chunks[0];
  if (chunks[0].type !== "IHDR" || data.length !== 13) throw new RangeError("the file has no header");
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const header = { width: view.getUint32(0), height: view.getUint32(4), bits: data[8], kind: data[9], adam7: data[12] };
  if (!CHANNELS[header.kind] || ![1, 2, 4, 8, 16].includes(header.bits)) throw new RangeError("an unknown kind of PNG");
  return header;
}

/**
 * Decode the pixels.
 * @param {Chunk[]} chunks
 * @returns {Promise<Pixels>}
 */
export async function decodePng(chunks) {
  const header = readHeader(chunks);
  const { width, height, bits, kind } = header;
  const channels = CHANNELS[kind];
  const packed = chunks.filter(({ type }) => type === "IDAT").map(({ data }) => data);
  const raw = await inflate(packed, countRaw(header));
  const samples = bits === 16 ? new Uint16Array(width * height * channels) : new Uint8Array(width * height * channels);
  let at = 0;
  for (const [left, top, across, down] of header.adam7 ? ADAM7 : [[0, 0, 1, 1]]) {
    const part = { width: Math.ceil((width - left) / across), height: Math.ceil((height - top) / down) };
    if (part.width <= 0 || part.height <= 0) continue;
    const stride = Math.ceil((part.width * channels * bits) / 8);
    if (at + part.height * (stride + 1) > raw.length) throw new RangeError("the file holds too few pixels");
    const rows = raw.subarray(at, at + part.height * (stride + 1));
    unfilter(rows, stride, Math.max(1, (channels * bits) >> 3));
    for (let y = 0; y < part.height; y++) {
      const row = rows.subarray(y * (stride + 1) + 1, (y + 1) * (stride + 1));
      for (let x = 0; x < part.width; x++) {
        const target = ((top + y * down) * width + left + x * across) * channels;
        for (let channel = 0; channel < channels; channel++) {
          samples[target + channel] = takeSample(row, x * channels + channel, bits);
        }
      }
    }
    at += part.height * (stride + 1);
  }
  return makePlanes(samples, header, chunks);
}

/**
 * Encode pixels; chunks of metadata stand before them.
 * @param {{height: number, width: number, channels: number, levels: Uint8Array | Uint16Array}} image samples interleaved
 * @param {Chunk[]} further
 * @returns {Promise<Blob>}
 */
export async function encodePng({ height, width, channels, levels }, further) {
  const wide = levels instanceof Uint16Array;
  const kind = /** @type {Record<number, number>} */ ({ 1: 0, 2: 4, 3: 2, 4: 6 })[channels];
  const header = new Uint8Array(13);
  const view = new DataView(header.buffer);
  view.setUint32(0, width);
  view.setUint32(4, height);
  header.set([wide ? 16 : 8, kind, 0, 0, 0], 8);
  const stride = width * channels * (wide ? 2 : 1);
  const step = channels * (wide ? 2 : 1);
  const packed = await pipe(filterRows(levels, { height, stride, step }), new CompressionStream("deflate"));
  const chunks = [{ type: "IHDR", data: header }, ...further, { type: "IDAT", data: packed }, { type: "IEND", data: new Uint8Array() }];
  return new Blob([new Uint8Array(SIGNATURE), ...chunks.flatMap(frameChunk)], { type: "image/png" });
}

/**
 * Pack bytes as zlib data.
 * @param {Uint8Array} bytes
 */
export async function deflate(bytes) {
  return pipe([bytes], new CompressionStream("deflate"));
}

/**
 * Unpack zlib data, of which no more is kept than is asked for: a small file can unpack to gigabytes.
 * @param {Uint8Array[]} parts
 * @param {number} limit bytes
 */
export async function inflate(parts, limit) {
  const blob = new Blob(parts.map((part) => /** @type {Uint8Array<ArrayBuffer>} */ (part)));
  const reader = blob.stream().pipeThrough(new DecompressionStream("deflate")).getReader();
  const result = new Uint8Array(limit);
  let at = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return result.subarray(0, at);
    const kept = value.subarray(0, limit - at);
    result.set(kept, at);
    at += kept.length;
    if (kept.length < value.length) {
      await reader.cancel();
      return result;
    }
  }
}

/**
 * Bytes of the rows of all passes, each with its filter.
 * @param {ReturnType<typeof readHeader>} header
 */
function countRaw({ width, height, bits, kind, adam7 }) {
  let total = 0;
  for (const [left, top, across, down] of adam7 ? ADAM7 : [[0, 0, 1, 1]]) {
    const part = { width: Math.ceil((width - left) / across), height: Math.ceil((height - top) / down) };
    if (part.width > 0) total += Math.max(part.height, 0) * (Math.ceil((part.width * CHANNELS[kind] * bits) / 8) + 1);
  }
  return total;
}

/**
 * @param {Iterable<Uint8Array>} parts
 * @param {CompressionStream} stream
 * @returns {Promise<Uint8Array>}
 */
async function pipe(parts, stream) {
  const result = new Response(stream.readable).arrayBuffer();
  const writer = stream.writable.getWriter();
  const written = (async () => {
    for (const part of parts) await writer.write(/** @type {Uint8Array<ArrayBuffer>} */ (part));
    await writer.close();
  })();
  const [bytes] = await Promise.all([result, written]);
  return new Uint8Array(bytes);
}

/**
 * @param {Uint8Array} row
 * @param {number} place
 * @param {number} bits
 */
function takeSample(row, place, bits) {
  if (bits === 8) return row[place];
  if (bits === 16) return (row[2 * place] << 8) | row[2 * place + 1];
  const bit = place * bits;
  return (row[bit >> 3] >> (8 - bits - (bit & 7))) & ((1 << bits) - 1);
}

/**
 * Undo the row filters in place.
 * @param {Uint8Array} rows each with its filter before it
 * @param {number} stride
 * @param {number} step bytes of a pixel, at least 1
 */
function unfilter(rows, stride, step) {
  /** @type {Uint8Array} */
  let above = new Uint8Array(stride);
  for (let start = 0; start < rows.length; start += stride + 1) {
    const row = rows.subarray(start + 1, start + 1 + stride);
    const filter = rows[start];
    if (filter > 4) throw new RangeError("the pixels are damaged");
    for (let x = 0; filter && x < stride; x++) {
      const left = x < step ? 0 : row[x - step];
      const up = above[x];
      if (filter === 1) row[x] += left;
      else if (filter === 2) row[x] += up;
      else if (filter === 3) row[x] += (left + up) >> 1;
      else row[x] += paeth(left, up, x < step ? 0 : above[x - step]);
    }
    above = row;
  }
}

/**
 * @param {number} left
 * @param {number} up
 * @param {number} corner
 */
function paeth(left, up, corner) {
  const [a, b, c] = [Math.abs(up - corner), Math.abs(left - corner), Math.abs(left + up - 2 * corner)];
  return a <= b && a <= c ? left : b <= c ? up : corner;
}

/**
 * Rows with the filter of the smallest sum of differences: none for the first row's kind, left, above, or Paeth's.
 * @param {Uint8Array | Uint16Array} levels
 * @param {{height: number, stride: number, step: number}} shape in bytes
 */
function* filterRows(levels, { height, stride, step }) {
  /** @type {Uint8Array} */
  let above = new Uint8Array(stride);
  /** @type {Uint8Array} */
  let row = new Uint8Array(stride);
  const tried = [1, 2, 4].map((filter) => ({ filter, line: new Uint8Array(stride + 1) }));
  const wide = levels instanceof Uint16Array;
  for (let y = 0; y < height; y++) {
    if (wide) {
      const start = (y * stride) / 2;
      for (let x = 0; x < stride; x += 2) {
        row[x] = levels[start + x / 2] >> 8;
        row[x + 1] = levels[start + x / 2] & 255;
      }
    } else row.set(levels.subarray(y * stride, (y + 1) * stride));
    let best = tried[0].line;
    let least = Infinity;
    for (const { filter, line } of tried) {
      line[0] = filter;
      let sum = 0;
      for (let x = 0; x < stride; x++) {
        const left = x < step ? 0 : row[x - step];
        const guess = filter === 1 ? left : filter === 2 ? above[x] : paeth(left, above[x], x < step ? 0 : above[x - step]);
        const difference = (row[x] - guess) & 255;
        line[x + 1] = difference;
        sum += difference < 128 ? difference : 256 - difference;
      }
      if (sum < least) [least, best] = [sum, line];
    }
    yield best.slice();
    [above, row] = [row, above];
  }
}

/**
 * @param {Chunk} chunk
 * @returns {Uint8Array<ArrayBuffer>[]}
 */
function frameChunk({ type, data }) {
  const head = new Uint8Array(8);
  new DataView(head.buffer).setUint32(0, data.length);
  head.set(Array.from(type, (letter) => letter.charCodeAt(0)), 4);
  const tail = new Uint8Array(4);
  new DataView(tail.buffer).setUint32(0, crc(data, crc(head.subarray(4))) >>> 0);
  return [head, /** @type {Uint8Array<ArrayBuffer>} */ (data), tail];
}

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});

/**
 * CRC-32, continued from that of the bytes before.
 * @param {Uint8Array} bytes
 */
function crc(bytes, before = 0) {
  let value = ~before;
  for (let at = 0; at < bytes.length; at++) value = TABLE[(value ^ bytes[at]) & 255] ^ (value >>> 8);
  return ~value;
}

/**
 * Palette and transparent colour resolved, samples as floats.
 * @param {Uint8Array | Uint16Array} samples
 * @param {ReturnType<typeof readHeader>} header
 * @param {Chunk[]} chunks
 * @returns {Pixels}
 */
function makePlanes(samples, { width, height, bits, kind }, chunks) {
  const find = (/** @type {string} */ type) => chunks.find((chunk) => chunk.type === type)?.data;
  const pixels = width * height;
  const transparent = find("tRNS");
  const depth = bits === 16 ? 16 : 8;
  const plane = (/** @type {(at: number) => number} */ value) => {
    const result = new Float32Array(pixels);
    for (let at = 0; at < pixels; at++) result[at] = value(at);
    return result;
  };
  if (kind === 3) {
    const palette = find("PLTE");
    if (!palette) throw new RangeError("the file has no palette");
    const colour = [0, 1, 2].map((channel) => plane((at) => (palette[3 * samples[at] + channel] ?? 0) / 255));
    return { width, height, colour, alpha: transparent ? plane((at) => (transparent[samples[at]] ?? 255) / 255) : null, depth };
  }
  const channels = CHANNELS[kind];
  const top = 2 ** bits - 1;
  const colours = channels < 3 ? 1 : 3;
  const colour = Array.from({ length: colours }, (_, channel) => plane((at) => samples[at * channels + channel] / top));
  let alpha = channels === colours ? null : plane((at) => samples[at * channels + colours] / top);
  if (transparent && !alpha) {
    const key = Array.from({ length: colours }, (_, channel) => (transparent[2 * channel] << 8) | transparent[2 * channel + 1]);
    alpha = plane((at) => (key.every((value, channel) => samples[at * channels + channel] === value) ? 0 : 1));
  }
  return { width, height, colour, alpha, depth };
}
