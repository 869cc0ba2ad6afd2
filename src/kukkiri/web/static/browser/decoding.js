/** Files to samples: PNG by our own reader, in 8 or 16 bit; all else by the browser, in 8 bit, colours unconverted. */
import { readOrientation } from "./exif.js";
import { isJpeg, readJpeg } from "./jpeg.js";
import { decodePng, inflate, isPng, readChunks, readHeader } from "./png.js";
import { Problem } from "./problem.js";
import { isWebp, readWebp } from "./webp.js";

/** @typedef {import("./png.js").Pixels} Pixels */
/** @typedef {import("./png.js").Chunk} Chunk */
/**
 * @typedef {object} Decoded
 * @property {Pixels} pixels upright
 * @property {"png" | "jpg" | "webp" | "other"} format
 * @property {boolean} lossy
 * @property {Uint8Array | null} exif from its byte order on
 * @property {Uint8Array | null} profile the ICC profile, unpacked
 * @property {Chunk[]} colourChunks of a PNG: what its colours mean
 * @property {Chunk[]} textChunks of a PNG: resolution and text
 * @property {string[]} notes
 */

const COLOUR_CHUNKS = ["cICP", "iCCP", "sRGB", "gAMA", "cHRM"];
const TEXT_CHUNKS = ["pHYs", "tEXt", "zTXt", "iTXt"];
const LARGEST_PROFILE = 2 ** 24; // bytes
const BAND = 512; // rows that go through the canvas at a time, which some browsers hold to 16 million pixels

/**
 * Decode a file.
 * @param {Blob} file
 * @param {(size: {height: number, width: number}) => void} check throws when the image is too large to decode
 * @returns {Promise<Decoded>}
 */
export async function decode(file, check) {
  const bytes = new Uint8Array(await file.arrayBuffer());
  if (!bytes.length) throw unreadable("the file is empty");
  if (isPng(bytes)) return decodeOwnPng(bytes, check);
  /** @type {Omit<Decoded, "pixels">} */
  const found = { format: "other", lossy: false, exif: null, profile: null, colourChunks: [], textChunks: [], notes: [] };
  let components = 3;
  if (isJpeg(bytes)) {
    const read = readJpeg(bytes);
    if (read.width && read.height) check(read);
    components = read.components;
    Object.assign(found, { format: "jpg", lossy: true, exif: read.exif, profile: read.profile });
    if (components === 4) {
      found.profile = null;
      found.notes.push("the browser converted CMYK to RGB; its profile is not kept");
    }
  } else if (isWebp(bytes)) {
    const { animated, ...read } = readWebp(bytes);
    Object.assign(found, { format: "webp", ...read });
    if (animated) found.notes.push("an animation: only its first image was upscaled");
  } else if (/avif|heic|heif|jxl/.test(file.type)) {
    found.lossy = true;
    found.notes.push("decoded by the browser in 8 bit, without its colour profile and EXIF");
  } else if (file.type === "image/gif") {
    found.notes.push("of an animation only the first image is upscaled");
  }
  if (file.type === "image/svg+xml") throw unreadable("an SVG drawing has no pixels");
  return { ...found, pixels: await decodeByBrowser(file, { components, check, notes: found.notes }) };
}

/**
 * @param {Uint8Array} bytes
 * @param {(size: {height: number, width: number}) => void} check
 * @returns {Promise<Decoded>}
 */
async function decodeOwnPng(bytes, check) {
  try {
    const chunks = readChunks(bytes);
    check(readHeader(chunks));
    const pick = (/** @type {string[]} */ types) => chunks.filter(({ type }) => types.includes(type));
    const exif = pick(["eXIf"])[0]?.data ?? null;
    const notes = [];
    if (pick(["acTL"]).length) notes.push("an animation: only its first image was upscaled");
    const textChunks = pick(TEXT_CHUNKS).filter(({ type, data }) => type !== "iTXt" || !isXmp(data));
    if (textChunks.length < pick(TEXT_CHUNKS).length) notes.push("XMP metadata are not kept in the browser");
    const packed = pick(["iCCP"])[0]?.data;
    const pixels = turnUpright(await decodePng(chunks), exif ? readOrientation(exif) : 1);
    const profile = packed ? await unpackProfile(packed) : null;
    return { pixels, format: "png", lossy: false, exif, profile, colourChunks: pick(COLOUR_CHUNKS), textChunks, notes };
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw unreadable(`the PNG is damaged: ${/** @type {Error} */ (error).message || "its data do not unpack"}`);
  }
}

/** @param {Uint8Array} data of an iTXt chunk */
function isXmp(data) {
  return new TextDecoder("latin1").decode(data.subarray(0, 17)) === "XML:com.adobe.xmp";
}

/** @param {Uint8Array} chunk name, zero, method, zlib data */
function unpackProfile(chunk) {
  return inflate([chunk.subarray(chunk.indexOf(0) + 2)], LARGEST_PROFILE);
}

/**
 * @param {Blob} file
 * @param {{components: number, check: (size: {height: number, width: number}) => void, notes: string[]}} known
 * @returns {Promise<Pixels>}
 */
async function decodeByBrowser(file, { components, check, notes }) {
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, {
      imageOrientation: "from-image",
      colorSpaceConversion: "none",
      premultiplyAlpha: "none",
    });
  } catch {
    throw unreadable(`this browser cannot decode it (${file.type || "type unknown"})`);
  }
  const { width, height } = bitmap;
  check({ width, height });
  const colour = Array.from({ length: components === 1 ? 1 : 3 }, () => new Float32Array(width * height));
  const alpha = new Float32Array(width * height);
  const canvas = new OffscreenCanvas(width, Math.min(BAND, height));
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (!context) throw unreadable("this browser gives no canvas to a worker");
  let partial = false;
  let opaque = true;
  for (let top = 0; top < height; top += BAND) {
    const rows = Math.min(BAND, height - top);
    context.clearRect(0, 0, width, BAND);
    context.drawImage(bitmap, 0, -top);
    const { data } = context.getImageData(0, 0, width, rows);
    for (let at = 0, target = top * width; at < data.length; at += 4, target++) {
      colour.forEach((plane, channel) => {
        plane[target] = data[at + channel] / 255;
      });
      alpha[target] = data[at + 3] / 255;
      if (data[at + 3] < 255) opaque = false;
      if (data[at + 3] > 0 && data[at + 3] < 255) partial = true;
    }
  }
  bitmap.close();
  if (partial) notes.push("the browser rounds colours under partly transparent pixels; a PNG keeps them exactly");
  return { width, height, colour, alpha: opaque ? null : alpha, depth: 8 };
}

/**
 * Apply an EXIF orientation: 2, 4, 5 and 7 are mirrored; 5 to 8 swap the sides.
 * @param {Pixels} pixels
 * @param {number} orientation
 * @returns {Pixels}
 */
export function turnUpright(pixels, orientation) {
  if (orientation === 1) return pixels;
  const swapped = orientation >= 5;
  const [width, height] = swapped ? [pixels.height, pixels.width] : [pixels.width, pixels.height];
  const upsideDown = [3, 4, 7, 8].includes(orientation);
  const mirrored = [2, 3, 6, 7].includes(orientation);
  const turn = (/** @type {Float32Array} */ plane) =>
    plane.map((_, at) => {
      const y = upsideDown ? height - 1 - Math.floor(at / width) : Math.floor(at / width);
      const x = mirrored ? width - 1 - (at % width) : at % width;
      return plane[swapped ? x * pixels.width + y : y * pixels.width + x];
    });
  return { ...pixels, width, height, colour: pixels.colour.map(turn), alpha: pixels.alpha && turn(pixels.alpha) };
}

/** @param {string} got */
function unreadable(got) {
  return new Problem({
    what: "the image cannot be read",
    got,
    expected: "PNG, JPEG, WebP, or another format that this browser shows",
    remedy: "Convert it to PNG, or use kukkiri on the command line or a server.",
    status: 415,
  });
}
