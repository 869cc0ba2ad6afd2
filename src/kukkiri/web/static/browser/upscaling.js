/** One image through its networks: what kukkiri.Upscaler does, in a browser. */
import { bleed, resizeAlpha } from "./alpha.js";
import { joinColour, splitColour } from "./colour.js";
import { FlatBound } from "./flat_bound.js";
import { keepLocalMean } from "./local_mean.js";
import { resizeLevels, resizePlane } from "./resampling.js";
import { countTiles, runTiled } from "./tiles.js";

/** @typedef {{height: number, width: number}} Size */
/**
 * @typedef {{height: number, width: number, colour: Float32Array[], alpha: Float32Array | null, depth: 8 | 16}} Pixels
 */
/**
 * @typedef {{scale: number, margin: number, run: (tile: Float32Array, size: Size) => Promise<Float32Array>}} Network
 */

const LUMA_LEVEL = 219 / 255 / 255;
const RGB_LEVEL = 1 / 255;

/**
 * Upscale an image.
 * @param {Pixels} image
 * @param {{networks: Network[], size: Size, ensemble: boolean, onProgress: (done: number, total: number) => void}} plan
 * @returns {Promise<Pixels>} the result, [0, 1]; grey planes stay as many as they were
 */
export async function upscalePixels(image, { networks, size, ensemble, onProgress }) {
  if (!networks.length && size.height === image.height && size.width === image.width) return image;
  const from = { height: image.height, width: image.width };
  const lr = image.alpha ? bleed(image.colour, image.alpha, from) : image.colour;
  if (!networks.length) {
    const resize = (/** @type {Float32Array} */ plane) => resizeLevels(plane, from, size, 2 ** image.depth - 1);
    return { ...image, ...size, colour: lr.map(resize), alpha: image.alpha && resize(image.alpha) };
  }
  const { luma, chroma } = splitColour(lr);
  const progress = countWork(networks, from, ensemble ? 8 : 1, onProgress);
  const sr = await runNetworks(luma, from, { networks, size, ensemble, progress });
  if (!Number.isFinite(sr.reduce((total, value) => total + value, 0))) {
    throw new RangeError("the network gave NaN or infinity for this image");
  }
  const colour = joinColour(sr, chroma, from, size);
  colour.forEach((plane, channel) => {
    const bound = new FlatBound(lr[channel], from, size, RGB_LEVEL);
    bound.clip(plane);
    keepLocalMean(plane, lr[channel], bound);
  });
  while (colour.length < image.colour.length) colour.push(colour[0]);
  return { ...image, ...size, colour, alpha: image.alpha && resizeAlpha(image.alpha, from, size) };
}

/**
 * Run the networks one after the other, and a resize when they do not meet the size.
 * @param {Float32Array} luma
 * @param {Size} from
 * @param {{networks: Network[], size: Size, ensemble: boolean, progress: () => void}} plan
 */
async function runNetworks(luma, from, { networks, size, ensemble, progress }) {
  let plane = luma;
  let now = from;
  for (const [number, network] of networks.entries()) {
    if (number) plane = plane.map((value) => Math.min(Math.max(value, 0), 1));
    plane = ensemble ? await runEnsemble(plane, now, network, progress) : await runTiled(plane, now, network, progress);
    now = { height: now.height * network.scale, width: now.width * network.scale };
    if (number + 1 < networks.length) new FlatBound(luma, from, now, LUMA_LEVEL).clip(plane);
  }
  return now.height === size.height && now.width === size.width ? plane : resizePlane(plane, now, size);
}

/**
 * Geometric self-ensemble: the mean over eight flips and rotations.
 * @param {Float32Array} plane
 * @param {Size} size
 * @param {Network} network
 * @param {() => void} progress
 */
async function runEnsemble(plane, size, network, progress) {
  const large = { height: size.height * network.scale, width: size.width * network.scale };
  const total = new Float32Array(large.height * large.width);
  for (const transposed of [false, true]) {
    for (const flipRows of [false, true]) {
      for (const flipColumns of [false, true]) {
        const turn = { transposed, flipRows, flipColumns };
        const turned = transposed ? { height: size.width, width: size.height } : size;
        const sr = await runTiled(orient(plane, size, turn, false), turned, network, progress);
        const back = orient(sr, large, turn, true);
        for (let at = 0; at < total.length; at++) total[at] += back[at];
      }
    }
  }
  for (let at = 0; at < total.length; at++) total[at] /= 8;
  return total;
}

/**
 * Flip and transpose a plane, or undo that.
 * @param {Float32Array} plane
 * @param {Size} size of the plane that is not turned
 * @param {{transposed: boolean, flipRows: boolean, flipColumns: boolean}} turn
 * @param {boolean} back
 */
function orient(plane, { height, width }, { transposed, flipRows, flipColumns }, back) {
  const result = new Float32Array(plane.length);
  for (let y = 0, at = 0; y < height; y++) {
    const row = flipRows ? height - 1 - y : y;
    for (let x = 0; x < width; x++, at++) {
      const column = flipColumns ? width - 1 - x : x;
      const turned = transposed ? column * height + row : row * width + column;
      if (back) result[at] = plane[turned];
      else result[turned] = plane[at];
    }
  }
  return result;
}

/**
 * Count the tiles of all runs.
 * @param {Network[]} networks
 * @param {Size} size
 * @param {number} variants
 * @param {(done: number, total: number) => void} onProgress
 */
function countWork(networks, size, variants, onProgress) {
  let total = 0;
  let [height, width] = [size.height, size.width];
  for (const { scale, margin } of networks) {
    const upright = countTiles({ height, width }, margin);
    const turned = countTiles({ height: width, width: height }, margin);
    total += variants === 1 ? upright : (variants / 2) * (upright + turned);
    height *= scale;
    width *= scale;
  }
  let done = 0;
  onProgress(done, total);
  return () => onProgress(++done, total);
}
