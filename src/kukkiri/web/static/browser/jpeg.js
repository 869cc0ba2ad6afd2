/** Metadata segments of JPEG files: read from the input, written into what the canvas encoded. */

const EXIF = "Exif\0\0";
const ICC = "ICC_PROFILE\0";
const LARGEST = 65519 - 14 - 2; // bytes of a profile that a segment holds

/** @param {Uint8Array} bytes */
export function isJpeg(bytes) {
  return bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff;
}

/**
 * What a file says before its pixels.
 * @param {Uint8Array} bytes
 * @returns {{width: number, height: number, components: number, exif: Uint8Array | null, profile: Uint8Array | null}}
 */
export function readJpeg(bytes) {
  const found = { width: 0, height: 0, components: 3, exif: /** @type {Uint8Array | null} */ (null) };
  /** @type {{number: number, data: Uint8Array}[]} */
  const parts = [];
  for (let at = 2; at + 4 <= bytes.length && bytes[at] === 0xff; ) {
    const marker = bytes[at + 1];
    if (marker === 0xff) {
      at++;
      continue;
    }
    if (marker === 0xda || marker === 0xd9) break;
    const length = (bytes[at + 2] << 8) | bytes[at + 3];
    const data = bytes.subarray(at + 4, at + 2 + length);
    if (marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker)) {
      found.height = (data[1] << 8) | data[2];
      found.width = (data[3] << 8) | data[4];
      found.components = data[5];
    }
    if (marker === 0xe1 && startsWith(data, EXIF)) found.exif = data.subarray(EXIF.length);
    if (marker === 0xe2 && startsWith(data, ICC)) parts.push({ number: data[12], data: data.subarray(14) });
    at += 2 + length;
  }
  parts.sort((one, other) => one.number - other.number);
  return { ...found, profile: parts.length ? join(parts.map(({ data }) => data)) : null };
}

/**
 * Put metadata into a file.
 * @param {Uint8Array} bytes
 * @param {{exif: Uint8Array | null, profile: Uint8Array | null}} metadata
 * @returns {Blob}
 */
export function addToJpeg(bytes, { exif, profile }) {
  const segments = [];
  if (exif && exif.length + EXIF.length + 2 < 65536) segments.push(segment(0xe1, join([encode(EXIF), exif])));
  const count = profile ? Math.ceil(profile.length / LARGEST) : 0;
  for (let number = 0; profile && number < count; number++) {
    const part = profile.subarray(number * LARGEST, (number + 1) * LARGEST);
    segments.push(segment(0xe2, join([encode(ICC), new Uint8Array([number + 1, count]), part])));
  }
  const jfif = bytes[3] === 0xe0 ? 4 + ((bytes[4] << 8) | bytes[5]) : 2; // stays first
  return new Blob([bytes.slice(0, jfif), ...segments, ...dropSegments(bytes, jfif)], { type: "image/jpeg" });
}

/**
 * The rest of a file without the browser's own EXIF and profile, which is that of the canvas.
 * @param {Uint8Array} bytes
 * @param {number} start of a segment
 * @returns {Uint8Array<ArrayBuffer>[]}
 */
function dropSegments(bytes, start) {
  const kept = [];
  let at = start;
  while (bytes[at] === 0xff && bytes[at + 1] !== 0xda && at + 4 <= bytes.length) {
    const end = at + 2 + ((bytes[at + 2] << 8) | bytes[at + 3]);
    if (![0xe1, 0xe2].includes(bytes[at + 1])) kept.push(bytes.slice(at, end));
    at = end;
  }
  return [...kept, bytes.slice(at)];
}

/**
 * @param {number} marker
 * @param {Uint8Array} data
 */
function segment(marker, data) {
  const length = data.length + 2;
  return join([new Uint8Array([0xff, marker, length >> 8, length & 255]), data]);
}

/**
 * @param {Uint8Array} data
 * @param {string} text
 */
function startsWith(data, text) {
  return Array.from(text).every((letter, at) => data[at] === letter.charCodeAt(0));
}

/** @param {string} text */
function encode(text) {
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

/**
 * @param {Uint8Array[]} parts
 * @returns {Uint8Array<ArrayBuffer>}
 */
function join(parts) {
  const result = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}
