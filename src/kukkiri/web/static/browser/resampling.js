/**
 * Bicubic interpolation as weight tables: the sampling of MATLAB's imresize, as in kukkiri.resampling.
 *
 * Output sample x = 1, 2, ... lies at u = x / s + (1 - 1/s) / 2 of the input; weights are normalized for each output
 * sample; for s < 1 the kernel is widened to s k(s x), so that nothing aliases; the border repeats the edge pixel.
 */

/** @typedef {{indices: Int32Array, weights: Float64Array, taps: number}} WeightTable */

/**
 * Keys' cubic with a = -0.5.
 * @param {number} distance in pixels
 */
export function cubic(distance) {
  const x = Math.abs(distance);
  if (x <= 1) return 1.5 * x * x * x - 2.5 * x * x + 1;
  return x <= 2 ? -0.5 * x * x * x + 2.5 * x * x - 4 * x + 2 : 0;
}

/**
 * The weights of a resize along one side.
 * @param {number} inputs samples, at least 1
 * @param {number} outputs samples, at least 1
 * @returns {WeightTable} output i is the sum of weights[i * taps + t] * input[indices[i * taps + t]]
 */
export function weightTable(inputs, outputs) {
  const scale = outputs / inputs;
  const stretch = Math.min(scale, 1);
  const taps = Math.ceil(4 / stretch) + 2;
  const indices = new Int32Array(outputs * taps);
  const weights = new Float64Array(outputs * taps);
  const period = 2 * inputs;
  for (let output = 0; output < outputs; output++) {
    const position = (output + 1) / scale + 0.5 * (1 - 1 / scale);
    const first = Math.floor(position - 2 / stretch);
    const start = output * taps;
    let total = 0;
    for (let tap = 0; tap < taps; tap++) {
      const weight = stretch * cubic(stretch * (position - first - tap));
      weights[start + tap] = weight;
      total += weight;
      const folded = (((first + tap - 1) % period) + period) % period;
      indices[start + tap] = folded < inputs ? folded : period - 1 - folded;
    }
    for (let tap = 0; tap < taps; tap++) weights[start + tap] /= total;
  }
  return dropZeroTaps({ indices, weights, taps }, outputs);
}

/**
 * @param {WeightTable} table
 * @param {number} outputs
 * @returns {WeightTable} without the taps at either end that are zero for every output
 */
function dropZeroTaps({ indices, weights, taps }, outputs) {
  const used = Array.from({ length: taps }, (_, tap) => {
    for (let output = 0; output < outputs; output++) if (weights[output * taps + tap] !== 0) return true;
    return false;
  });
  const kept = used.flatMap((isUsed, tap) => (isUsed ? [tap] : []));
  const table = {
    indices: new Int32Array(outputs * kept.length),
    weights: new Float64Array(outputs * kept.length),
    taps: kept.length,
  };
  for (let output = 0; output < outputs; output++) {
    kept.forEach((tap, place) => {
      table.indices[output * kept.length + place] = indices[output * taps + tap];
      table.weights[output * kept.length + place] = weights[output * taps + tap];
    });
  }
  return table;
}

/** A plane resized row by row, so that a result that is used once is never whole in memory. */
export class RowResizer {
  /**
   * @param {Float32Array} plane height * width samples
   * @param {{height: number, width: number}} from
   * @param {{height: number, width: number}} to
   */
  constructor(plane, from, to) {
    this.plane = plane;
    this.width = from.width;
    this.rows = weightTable(from.height, to.height);
    this.columns = weightTable(from.width, to.width);
    this.outputWidth = to.width;
    this.row = new Float32Array(from.width);
  }

  /**
   * Compute one row of the result.
   * @param {number} y
   * @param {Float32Array} out at least as long as the result is wide
   */
  fill(y, out) {
    const { plane, width, row, outputWidth } = this;
    const { indices, weights, taps } = this.rows;
    for (let tap = 0; tap < taps; tap++) {
      const weight = weights[y * taps + tap];
      const start = indices[y * taps + tap] * width;
      if (tap === 0) for (let x = 0; x < width; x++) row[x] = weight * plane[start + x];
      else for (let x = 0; x < width; x++) row[x] += weight * plane[start + x];
    }
    const across = this.columns;
    for (let x = 0, at = 0; x < outputWidth; x++) {
      let total = 0;
      for (let tap = 0; tap < across.taps; tap++, at++) total += across.weights[at] * row[across.indices[at]];
      out[x] = total;
    }
  }
}

/**
 * Resize a plane; not clamped.
 * @param {Float32Array} plane
 * @param {{height: number, width: number}} from
 * @param {{height: number, width: number}} to
 */
export function resizePlane(plane, from, to) {
  const resizer = new RowResizer(plane, from, to);
  const result = new Float32Array(to.height * to.width);
  for (let y = 0; y < to.height; y++) resizer.fill(y, result.subarray(y * to.width, (y + 1) * to.width));
  return result;
}

/**
 * Resize integer levels, rounded half away from zero after each of the two passes, as MATLAB does.
 * @param {Float32Array} plane [0, 1], of levels / top
 * @param {{height: number, width: number}} from
 * @param {{height: number, width: number}} to
 * @param {number} top the largest level
 * @returns {Float32Array} [0, 1]
 */
export function resizeLevels(plane, from, to, top) {
  const levels = plane.map((value) => Math.floor(value * top + 0.5));
  const turned = to.width / from.width < to.height / from.height; // the side with the smaller scale comes first
  const [source, target] = turned ? [transposeSize(from), transposeSize(to)] : [from, to];
  const between = { height: target.height, width: source.width };
  const round = (/** @type {number} */ value) => Math.min(Math.max(Math.floor(value + 0.5), 0), top);
  const first = resizePlane(turned ? transpose(levels, from) : levels, source, between).map(round);
  const second = resizePlane(first, between, target).map(round);
  return (turned ? transpose(second, target) : second).map((level) => level / top);
}

/** @param {{height: number, width: number}} size */
function transposeSize({ height, width }) {
  return { height: width, width: height };
}

/**
 * @param {Float32Array} plane
 * @param {{height: number, width: number}} size
 */
function transpose(plane, { height, width }) {
  return plane.map((_, at) => plane[(at % height) * width + Math.floor(at / height)]);
}
