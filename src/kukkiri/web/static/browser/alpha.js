/**
 * Transparency: colours for transparent pixels, and alpha that stays exactly clear and opaque.
 *
 * The colour of transparent pixels is replaced by a continuation of the visible ones with the pull-push algorithm
 * (Gortler et al., "The Lumigraph", SIGGRAPH 1996, section 3.4), as in kukkiri.images.bleed: no dark or light fringe.
 */
import { resizePlane } from "./resampling.js";

/** @typedef {{height: number, width: number, values: Float32Array}} Grid */

const SNAP = 4e-6; // a quarter of a 16-bit level; float32 weights miss 1 by 1e-7

/**
 * Give every fully transparent pixel a smooth continuation of the visible colours around it.
 * @param {Float32Array[]} colour planes, not multiplied by alpha
 * @param {Float32Array} alpha [0, 1]
 * @param {{height: number, width: number}} size
 * @returns {Float32Array[]} the planes themselves when no pixel or every pixel is transparent
 */
export function bleed(colour, alpha, size) {
  const hidden = alpha.reduce((count, value) => count + (value > 0 ? 0 : 1), 0);
  if (hidden === 0 || hidden === alpha.length) return colour;
  const weight = halve({ ...size, values: alpha });
  return colour.map((plane) => {
    const weighted = halve({ ...size, values: plane.map((value, at) => value * alpha[at]) });
    const filled = upscaleCells(fillCells(weighted, weight, 4), size);
    return plane.map((value, at) => (alpha[at] > 0 ? value : filled.values[at]));
  });
}

/**
 * Resize alpha by bicubic interpolation, exactly 0 and 1 where it was constant.
 * @param {Float32Array} alpha
 * @param {{height: number, width: number}} from
 * @param {{height: number, width: number}} to
 */
export function resizeAlpha(alpha, from, to) {
  const resized = resizePlane(alpha, from, to);
  for (let at = 0; at < resized.length; at++) {
    if (resized[at] < SNAP) resized[at] = 0;
    else if (resized[at] > 1 - SNAP) resized[at] = 1;
  }
  return resized;
}

/**
 * The colours of a grid of weighted means, with holes filled from the coarser grid.
 * @param {Grid} weighted means of colour times alpha over each cell
 * @param {Grid} weight means of alpha
 * @param {number} area pixels in a cell; a cell with as much alpha as one opaque pixel keeps its own colour
 * @returns {Grid}
 */
function fillCells(weighted, weight, area) {
  const colours = weighted.values.map((value, at) => (weight.values[at] > 0 ? value / weight.values[at] : 0));
  const confidence = weight.values.map((value) => Math.min(value * area, 1));
  const grid = { height: weighted.height, width: weighted.width, values: colours };
  if (weight.values.length === 1 || confidence.every((value) => value === 1)) return grid;
  const filled = upscaleCells(fillCells(halve(weighted), halve(weight), 4 * area), grid);
  filled.values.forEach((value, at) => {
    filled.values[at] = value + confidence[at] * (colours[at] - value);
  });
  return filled;
}

/**
 * Averages of 2x2 blocks; a row or column beyond the border counts as zero.
 * @param {Grid} grid
 * @returns {Grid}
 */
function halve({ height, width, values }) {
  const half = { height: Math.ceil(height / 2), width: Math.ceil(width / 2) };
  const means = new Float32Array(half.height * half.width);
  for (let y = 0; y < height; y++) {
    const row = (y >> 1) * half.width;
    for (let x = 0; x < width; x++) means[row + (x >> 1)] += 0.25 * values[y * width + x];
  }
  return { ...half, values: means };
}

/**
 * Upscale by 2 with linear interpolation between the blocks' centres, cropped.
 * @param {Grid} grid
 * @param {{height: number, width: number}} size
 * @returns {Grid}
 */
function upscaleCells({ height, width, values }, size) {
  const result = new Float32Array(size.height * size.width);
  for (let y = 0; y < size.height; y++) {
    const near = y >> 1;
    const far = Math.min(Math.max(near + (y % 2 ? 1 : -1), 0), height - 1);
    for (let x = 0; x < size.width; x++) {
      const beside = x >> 1;
      const next = Math.min(Math.max(beside + (x % 2 ? 1 : -1), 0), width - 1);
      const here = 0.75 * values[near * width + beside] + 0.25 * values[near * width + next];
      const there = 0.75 * values[far * width + beside] + 0.25 * values[far * width + next];
      result[y * size.width + x] = 0.75 * here + 0.25 * there;
    }
  }
  return { height: size.height, width: size.width, values: result };
}
