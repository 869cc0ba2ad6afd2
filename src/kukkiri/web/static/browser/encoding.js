/** Samples to files: PNG by our own writer, JPEG and WebP by the browser, with the metadata put back. */
import { settleExif } from "./exif.js";
import { addToJpeg } from "./jpeg.js";
import { deflate, encodePng } from "./png.js";
import { addToWebp } from "./webp.js";

/** @typedef {import("./png.js").Pixels} Pixels */
/** @typedef {import("./decoding.js").Decoded} Decoded */

const HALF = 0.5 - 2 ** -25; // the float32 below one half: a half less an ulp must not round up in the addition itself
const ICC_SPACE = 16; // place of a profile's colour space, four letters

/**
 * Encode a result.
 * @param {Pixels} pixels
 * @param {Decoded} source
 * @param {{format: string, quality: number | null, metadata: string}} options
 */
export async function encode(pixels, source, { format, quality, metadata }) {
  const size = { height: pixels.height, width: pixels.width };
  const notes = [...source.notes];
  let wanted = format === "same" ? source.format : format === "jpeg" ? "jpg" : format;
  if (!["png", "jpg", "webp"].includes(wanted)) wanted = "png";
  const exif = metadata === "keep" && source.exif ? settleExif(source.exif, size) : null;
  if (metadata === "keep" && source.exif && !exif) notes.push("the EXIF block is damaged and was left out");
  /** @type {Blob | null} */
  let blob = null;
  let profile = pickProfile(source.profile, wanted === "png" && pixels.colour.length === 1);
  if (wanted !== "png") {
    if (pixels.depth === 16) notes.push(`${wanted.toUpperCase()} holds 8 bits for a sample; PNG keeps 16`);
    blob = await encodeByBrowser(pixels, { wanted, quality, lossy: source.lossy, notes, exif, profile });
    if (!blob) {
      notes.push(`this browser does not write ${wanted.toUpperCase()}; the result is a PNG`);
      wanted = "png";
      profile = pickProfile(source.profile, pixels.colour.length === 1);
    }
  }
  if (!blob) {
    const text = metadata === "keep" ? source.textChunks : [];
    const own = source.colourChunks.filter(({ type }) => type !== "iCCP");
    const chunks = [...own, ...(profile ? [await packProfile(profile)] : []), ...text];
    if (exif) chunks.push({ type: "eXIf", data: exif });
    blob = await encodePng(interleave(pixels), chunks);
  }
  if (source.profile && !profile) notes.push("the colour profile does not fit the result and was left out");
  const kept = {
    profile: source.profile ? Boolean(profile) : null,
    exif: source.exif ? Boolean(exif) : null,
    depth: wanted === "png" ? pixels.depth : 8,
    alpha: pixels.alpha ? wanted !== "jpg" : null,
  };
  return { blob, suffix: wanted, notes, kept };
}

/**
 * Round floats to integer levels, half away from zero.
 * @param {number} value
 * @param {number} top the largest level
 */
export function quantize(value, top) {
  const clipped = value < 0 ? 0 : value > 1 ? 1 : value;
  return Math.floor(Math.fround(Math.fround(clipped * top) + HALF));
}

/** @param {Pixels} pixels */
function interleave({ height, width, colour, alpha, depth }) {
  const planes = alpha ? [...colour, alpha] : colour;
  const channels = planes.length;
  const levels = depth === 16 ? new Uint16Array(height * width * channels) : new Uint8Array(height * width * channels);
  const top = 2 ** depth - 1;
  planes.forEach((plane, channel) => {
    for (let at = 0; at < plane.length; at++) levels[at * channels + channel] = quantize(plane[at], top);
  });
  return { height, width, channels, levels };
}

/**
 * @param {Pixels} pixels
 * @param {{wanted: string, quality: number | null, lossy: boolean, notes: string[], exif: Uint8Array | null,
 *   profile: Uint8Array | null}} how
 * @returns {Promise<Blob | null>} null when the browser does not write this format
 */
async function encodeByBrowser({ height, width, colour, alpha }, { wanted, quality, lossy, notes, exif, profile }) {
  const onWhite = wanted === "jpg" && alpha;
  if (onWhite) notes.push("JPEG has no transparency: the image was laid on white");
  const data = new Uint8ClampedArray(4 * height * width);
  for (let at = 0, target = 0; at < height * width; at++, target += 4) {
    const share = onWhite ? alpha[at] : 1;
    for (let channel = 0; channel < 3; channel++) {
      const value = (colour.length === 1 ? colour[0] : colour[channel])[at];
      data[target + channel] = quantize(value * share + 1 - share, 255);
    }
    data[target + 3] = alpha && !onWhite ? quantize(alpha[at], 255) : 255;
  }
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d");
  if (!context) return null;
  context.putImageData(new ImageData(data, width, height), 0, 0);
  if (wanted === "webp" && alpha) notes.push("the browser rounds colours under partly transparent pixels in WebP");
  const usual = wanted === "jpg" ? 95 : lossy ? 90 : 100; // those of the command line
  const type = wanted === "jpg" ? "image/jpeg" : "image/webp";
  const blob = await canvas.convertToBlob({ type, quality: (quality ?? usual) / 100 });
  if (blob.type !== type) return null;
  const bytes = new Uint8Array(await blob.arrayBuffer());
  return wanted === "jpg" ? addToJpeg(bytes, { exif, profile }) : addToWebp(bytes, { height, width }, { exif, profile });
}

/**
 * The profile when it describes samples of this kind.
 * @param {Uint8Array | null} profile
 * @param {boolean} grey
 */
function pickProfile(profile, grey) {
  if (!profile || profile.length < 128) return null;
  const space = String.fromCharCode(...profile.subarray(ICC_SPACE, ICC_SPACE + 4));
  return space === (grey ? "GRAY" : "RGB ") ? profile : null;
}

/** @param {Uint8Array} profile */
async function packProfile(profile) {
  const packed = await deflate(profile);
  const name = Uint8Array.from("icc\0\0", (letter) => letter.charCodeAt(0));
  const data = new Uint8Array(name.length + packed.length);
  data.set(name);
  data.set(packed, name.length);
  return { type: "iCCP", data };
}
