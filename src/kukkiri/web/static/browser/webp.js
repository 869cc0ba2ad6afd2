/** The chunks of WebP files: metadata read from the input, and written around what the canvas encoded. */

/** @typedef {{type: string, data: Uint8Array}} Chunk */

const [PROFILE_FLAG, ALPHA_FLAG, EXIF_FLAG, ANIMATION_FLAG] = [0x20, 0x10, 0x08, 0x02];

/** @param {Uint8Array} bytes */
export function isWebp(bytes) {
  return text(bytes, 0) === "RIFF" && text(bytes, 8) === "WEBP";
}

/**
 * What a file says beside its pixels.
 * @param {Uint8Array} bytes
 */
export function readWebp(bytes) {
  const chunks = readChunks(bytes);
  const find = (/** @type {string} */ type) => chunks.find((chunk) => chunk.type === type)?.data ?? null;
  const exif = find("EXIF");
  return {
    lossy: !find("VP8L"),
    animated: Boolean((find("VP8X")?.[0] ?? 0) & ANIMATION_FLAG),
    profile: find("ICCP"),
    exif: exif && text(exif, 0) === "Exif" ? exif.subarray(6) : exif,
  };
}

/**
 * Put metadata into a file.
 * @param {Uint8Array} bytes
 * @param {{height: number, width: number}} size
 * @param {{exif: Uint8Array | null, profile: Uint8Array | null}} metadata
 * @returns {Blob}
 */
export function addToWebp(bytes, { height, width }, { exif, profile }) {
  const chunks = readChunks(bytes); // the profile in them is the canvas's
  const pixels = chunks.filter(({ type }) => ["ALPH", "VP8 ", "VP8L"].includes(type));
  const lossless = pixels.find(({ type }) => type === "VP8L");
  const alpha = pixels.some(({ type }) => type === "ALPH") || Boolean(lossless && lossless.data[4] & 0x10);
  const header = new Uint8Array(10);
  header[0] = (profile ? PROFILE_FLAG : 0) | (alpha ? ALPHA_FLAG : 0) | (exif ? EXIF_FLAG : 0);
  [width - 1, height - 1].forEach((side, place) => {
    for (let byte = 0; byte < 3; byte++) header[4 + 3 * place + byte] = (side >> (8 * byte)) & 255;
  });
  /** @type {Chunk[]} */
  const parts = [{ type: "VP8X", data: header }];
  if (profile) parts.push({ type: "ICCP", data: profile });
  parts.push(...pixels);
  if (exif) parts.push({ type: "EXIF", data: exif });
  const body = parts.flatMap(frameChunk);
  const length = body.reduce((total, part) => total + part.length, 4);
  return new Blob([frameHead("RIFF", length), encode("WEBP"), ...body], { type: "image/webp" });
}

/**
 * @param {Uint8Array} bytes
 * @returns {Chunk[]}
 */
function readChunks(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const chunks = [];
  for (let at = 12; at + 8 <= bytes.length; ) {
    const length = view.getUint32(at + 4, true);
    chunks.push({ type: text(bytes, at), data: bytes.subarray(at + 8, at + 8 + length) });
    at += 8 + length + (length & 1);
  }
  return chunks;
}

/**
 * @param {Chunk} chunk
 * @returns {Uint8Array<ArrayBuffer>[]}
 */
function frameChunk({ type, data }) {
  return [frameHead(type, data.length), data.slice(), new Uint8Array(data.length & 1)];
}

/**
 * @param {string} type
 * @param {number} length
 */
function frameHead(type, length) {
  const head = new Uint8Array(8);
  head.set(encode(type));
  new DataView(head.buffer).setUint32(4, length, true);
  return head;
}

/**
 * @param {Uint8Array} bytes
 * @param {number} at
 */
function text(bytes, at) {
  return String.fromCharCode(...bytes.subarray(at, at + 4));
}

/** @param {string} letters */
function encode(letters) {
  return Uint8Array.from(letters, (letter) => letter.charCodeAt(0));
}
