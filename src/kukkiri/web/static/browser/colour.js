/**
 * Luma and chroma around a network, as in kukkiri.inference.colour_plan.
 *
 * In MATLAB's studio range RGB is a sum, (R, G, B) = k (Y - 16/255) + (P, G', Q) with k = 255/219, and G' follows from
 * P and Q. The network upscales Y; P and Q are interpolated, which is to interpolate Cb and Cr.
 */
import { RowResizer } from "./resampling.js";

/** @typedef {{height: number, width: number}} Size */

const BLACK = 16 / 255;
const GAIN = 255 / 219;
const [RED, GREEN, BLUE] = [65.481 / 255, 128.553 / 255, 24.966 / 255];
const [FROM_RED, FROM_BLUE] = [-65.481 / 128.553, -24.966 / 128.553];

/**
 * True for one plane, or three that are equal everywhere.
 * @param {Float32Array[]} colour
 */
export function isGrey(colour) {
  if (colour.length === 1) return true;
  const [red, green, blue] = colour;
  for (let at = 0; at < red.length; at++) if (red[at] !== green[at] || red[at] !== blue[at]) return false;
  return true;
}

/**
 * Take luma and chroma apart.
 * @param {Float32Array[]} colour one plane, or R, G and B; [0, 1]
 * @returns {{luma: Float32Array, chroma: [Float32Array, Float32Array] | null}} chroma is null for grey
 */
export function splitColour(colour) {
  const length = colour[0].length;
  const luma = new Float32Array(length);
  if (isGrey(colour)) {
    for (let at = 0; at < length; at++) luma[at] = colour[0][at] / GAIN + BLACK;
    return { luma, chroma: null };
  }
  const [red, green, blue] = colour;
  const p = new Float32Array(length);
  const q = new Float32Array(length);
  for (let at = 0; at < length; at++) {
    luma[at] = RED * red[at] + GREEN * green[at] + BLUE * blue[at] + BLACK;
    const grey = (luma[at] - BLACK) * GAIN;
    p[at] = red[at] - grey;
    q[at] = blue[at] - grey;
  }
  return { luma, chroma: [p, q] };
}

/**
 * Join the network's luma with interpolated chroma.
 * @param {Float32Array} luma of the result; it is written over
 * @param {[Float32Array, Float32Array] | null} chroma of the image
 * @param {Size} from the size of the image
 * @param {Size} to the size of the result
 * @returns {Float32Array[]} one plane for grey, else R, G and B; clamped to [0, 1]
 */
export function joinColour(luma, chroma, from, to) {
  for (let at = 0; at < luma.length; at++) luma[at] = (luma[at] - BLACK) * GAIN;
  if (!chroma) {
    for (let at = 0; at < luma.length; at++) luma[at] = clamp(luma[at]);
    return [luma];
  }
  const [first, second] = chroma.map((plane) => new RowResizer(plane, from, to));
  const p = new Float32Array(to.width);
  const q = new Float32Array(to.width);
  const green = new Float32Array(luma.length);
  const blue = new Float32Array(luma.length);
  for (let y = 0, at = 0; y < to.height; y++) {
    first.fill(y, p);
    second.fill(y, q);
    for (let x = 0; x < to.width; x++, at++) {
      const grey = luma[at];
      luma[at] = clamp(grey + p[x]);
      green[at] = clamp(grey + FROM_RED * p[x] + FROM_BLUE * q[x]);
      blue[at] = clamp(grey + q[x]);
    }
  }
  return [luma, green, blue];
}

/** @param {number} value */
function clamp(value) {
  return value < 0 ? 0 : value > 1 ? 1 : value;
}
