/**
 * One-pixel patterns keep their brightness: SR is shifted by a smooth field where its local mean is not that of LR.
 *
 * The rule of kukkiri.inference.local_mean, for one plane: means over cells of 4x4 LR pixels, weighted 1 4 6 4 1; where
 * LR is a pattern of single pixels and the means differ by more than in natural images, the shift is solved for the mean
 * after clipping. Flat parts stay as they are.
 */

/** @typedef {{height: number, width: number}} Size */
/** @typedef {import("./flat_bound.js").FlatBound} FlatBound */

const CELL = 4;
const SMALLEST = 4 * CELL; // LR pixels: a smaller image holds no region that has a mean of its own
const DRIFT = [1.25, 2]; // levels: natural images stay below the first; from the second on all of it is corrected
const AMPLITUDE = [4, 8]; // levels: RMS of LR minus its 3x3 mean
const FINENESS = [0.22, 0.28]; // the square of that over the variance
const BESIDE = 2; // more than any pattern has: a flat window beside an edge
const SHIFTS = [8, 16, 32, 48, 64, 96, 128, 192, 256]; // levels of the field for which the mean is taken
const WEIGHTS = [1, 4, 6, 4, 1];

/**
 * Shift SR, in place.
 * @param {Float32Array} sr clipped to [0, 1] and bounded
 * @param {Float32Array} lr
 * @param {FlatBound} bound of both
 * @returns {boolean} true when anything was shifted
 */
export function keepLocalMean(sr, lr, bound) {
  const { from, to, level } = bound;
  if (Math.min(from.height, from.width) < SMALLEST) return false;
  const shape = { height: Math.ceil(from.height / CELL), width: Math.ceil(from.width / CELL) };
  const sides = [cellEdges(from.height, 1), cellEdges(from.width, 1)];
  const area = smooth(
    Float64Array.from({ length: shape.height * shape.width }, (_, at) => {
      const [y, x] = [Math.floor(at / shape.width), at % shape.width];
      return (sides[0][y + 1] - sides[0][y]) * (sides[1][x + 1] - sides[1][x]);
    }),
    shape,
  );
  const lrCells = new Cells(from, from);
  const all = Array.from({ length: shape.height }, (_, row) => row);
  const wanted = divide(smooth(lrCells.addUp(lr, all), shape), area);
  const cells = new Cells(from, to);
  const density = (from.height / to.height) * (from.width / to.width);
  const mean = (/** @type {Float64Array} */ sums) => divide(smooth(sums, shape), area).map((value) => value * density);
  const found = mean(cells.addUp(sr, all));
  const share = wanted.map((value, at) => rise(Math.abs(value - found[at]) / level, DRIFT));
  if (!share.some((value) => value > 0)) return false;
  findPatterns(lr, from, { wanted, area, shape, level, cells: lrCells }).forEach((pattern, at) => {
    share[at] *= pattern;
  });
  if (!share.some((value) => value > 0)) return false;
  const goal = found.map((value, at) => value + share[at] * (wanted[at] - value));
  const near = growRows(share, shape);
  const shifter = new Shifter(bound);
  const means = (/** @type {number} */ shift) =>
    mean(cells.addUp(sr, near, (y, row) => shifter.shifted(sr, y, row, shift)));
  shiftPixels(sr, solve(goal, share, { found, means, level }), shape, shifter);
  return true;
}

/**
 * 0 below the first end, 1 above the second, smooth between them.
 * @param {number} value
 * @param {number[]} ends
 */
function rise(value, [low, high]) {
  const place = Math.min(Math.max((value - low) / (high - low), 0), 1);
  return place * place * (3 - 2 * place);
}

/**
 * @param {Float64Array} values
 * @param {Float64Array} divisor
 */
function divide(values, divisor) {
  return values.map((value, at) => value / divisor[at]);
}

/**
 * The degree to which each cell lies in a pattern of single pixels: strong, and fine for its contrast.
 * @param {Float32Array} lr
 * @param {Size} size
 * @param {{wanted: Float64Array, area: Float64Array, shape: Size, level: number, cells: Cells}} known
 */
function findPatterns(lr, size, { wanted, area, shape, level, cells }) {
  const { height, width } = size;
  const squares = new Float32Array(lr.length);
  const fine = new Float32Array(lr.length);
  for (let y = 0, at = 0; y < height; y++) {
    const rows = [Math.max(y - 1, 0) * width, y * width, Math.min(y + 1, height - 1) * width];
    for (let x = 0; x < width; x++, at++) {
      let sum = 0;
      for (const beside of [Math.max(x - 1, 0), x, Math.min(x + 1, width - 1)]) {
        sum += lr[rows[0] + beside] + lr[rows[1] + beside] + lr[rows[2] + beside];
      }
      fine[at] = (lr[at] - sum / 9) ** 2;
      squares[at] = lr[at] ** 2;
    }
  }
  const all = Array.from({ length: shape.height }, (_, row) => row);
  const energy = divide(smooth(cells.addUp(fine, all), shape), area);
  const power = divide(smooth(cells.addUp(squares, all), shape), area);
  return energy.map((value, at) => {
    const fineness = value / Math.max(power[at] - wanted[at] ** 2, level ** 2);
    return fineness < BESIDE ? rise(Math.sqrt(value) / level, AMPLITUDE) * rise(fineness, FINENESS) : 0;
  });
}

/** The cells of LR in an image of its size or larger; pixels that two cells share count in parts. */
class Cells {
  /**
   * @param {Size} from the size of LR
   * @param {Size} size of the image whose samples are summed
   */
  constructor(from, size) {
    this.width = size.width;
    this.down = cellEdges(from.height, size.height / from.height);
    this.across = cellEdges(from.width, size.width / from.width);
  }

  /**
   * Sums of the samples in each cell of some rows of cells; the others are 0.
   * @param {Float32Array} pixels
   * @param {number[]} rows
   * @param {(y: number, row: Float32Array) => void} [shifted] writes a row of other pixels instead
   */
  addUp(pixels, rows, shifted) {
    const { down, across, width } = this;
    const columns = across.length - 1;
    const sums = new Float64Array((down.length - 1) * columns);
    const row = new Float32Array(width);
    const line = new Float64Array(width + 1);
    for (const cell of rows) {
      line.fill(0);
      for (let y = Math.floor(down[cell]); y < Math.ceil(down[cell + 1]); y++) {
        const part = Math.min(y + 1, down[cell + 1]) - Math.max(y, down[cell]);
        if (shifted) shifted(y, row);
        const source = shifted ? row : pixels.subarray(y * width, (y + 1) * width);
        for (let x = 0; x < width; x++) line[x] += part * source[x];
      }
      for (let column = 0; column < columns; column++) {
        const [start, stop] = [across[column], across[column + 1]];
        const [first, last] = [Math.floor(start), Math.floor(stop)];
        let sum = 0;
        for (let x = first; x < last; x++) sum += line[x];
        sums[cell * columns + column] = sum - (start - first) * line[first] + (stop - last) * line[last];
      }
    }
    return sums;
  }
}

/**
 * The edges of the cells of LR in SR, along a side of `length` LR pixels.
 * @param {number} length
 * @param {number} scale
 */
function cellEdges(length, scale) {
  return Float64Array.from({ length: Math.ceil(length / CELL) + 1 }, (_, place) => {
    const edge = Math.min(place * CELL, length) * scale;
    return Math.abs(edge - Math.round(edge)) < 1e-6 ? Math.round(edge) : edge;
  });
}

/**
 * Weighted sums of 5x5 cells; cells beyond the border count nothing.
 * @param {Float64Array} cells
 * @param {Size} shape
 */
function smooth(cells, { height, width }) {
  const pass = (/** @type {Float64Array} */ values, /** @type {boolean} */ down) =>
    values.map((_, at) => {
      const [y, x] = [Math.floor(at / width), at % width];
      let sum = 0;
      WEIGHTS.forEach((weight, place) => {
        const [row, column] = down ? [y + place - 2, x] : [y, x + place - 2];
        if (row >= 0 && row < height && column >= 0 && column < width) sum += weight * values[row * width + column];
      });
      return sum;
    });
  return pass(pass(cells, true), false);
}

/**
 * Rows of cells that the smoothed means of the shared rows depend on.
 * @param {Float64Array} share
 * @param {Size} shape
 */
function growRows(share, { height, width }) {
  const busy = Array.from({ length: height }, (_, row) =>
    share.subarray(row * width, (row + 1) * width).some((value) => value > 0),
  );
  return busy.flatMap((_, row) => (busy.slice(Math.max(row - 2, 0), row + 3).includes(true) ? [row] : []));
}

/**
 * The shift of each cell with which the mean after clipping is `goal`; 0 where nothing is shared.
 * @param {Float64Array} goal
 * @param {Float64Array} share
 * @param {{found: Float64Array, means: (shift: number) => Float64Array, level: number}} known
 */
function solve(goal, share, { found, means, level }) {
  const field = new Float64Array(goal.length);
  for (const sign of [-1, 1]) {
    const open = share.map((value, at) => (value > 0 && Math.sign(goal[at] - found[at]) === sign ? 1 : 0));
    let before = found;
    let at = 0;
    for (const levels of SHIFTS) {
      if (!open.includes(1)) break;
      const shift = sign * levels * level;
      const after = means(shift);
      for (let cell = 0; cell < open.length; cell++) {
        if (!open[cell]) continue;
        if (sign * (after[cell] - goal[cell]) < 0) {
          field[cell] = shift;
          continue;
        }
        const gained = after[cell] - before[cell];
        field[cell] = at + (shift - at) * (gained === 0 ? 1 : (goal[cell] - before[cell]) / gained);
        open[cell] = 0;
      }
      before = after;
      at = shift;
    }
  }
  return field;
}

/** Adds shifts to SR, clipped, where LR is not flat. */
class Shifter {
  /** @param {FlatBound} bound */
  constructor(bound) {
    this.bound = bound;
    this.flat = bound.findFlat();
    this.owner = new Int32Array(bound.to.height);
    for (let y = 0; y < bound.from.height; y++) this.owner.fill(y, bound.down[y], bound.down[y + 1]);
  }

  /**
   * Write a shifted row of SR.
   * @param {Float32Array} sr
   * @param {number} y
   * @param {Float32Array} out
   * @param {number | Float32Array} shift one number, or one for each column
   */
  shifted(sr, y, out, shift) {
    const { width } = this.bound.to;
    const columns = this.bound.owner;
    const row = this.owner[y] * this.bound.from.width;
    for (let x = 0; x < width; x++) {
      const value = sr[y * width + x];
      const moved = value + (typeof shift === "number" ? shift : shift[x]);
      out[x] = this.flat[row + columns[x]] ? value : moved < 0 ? 0 : moved > 1 ? 1 : moved;
    }
  }
}

/**
 * Add the field, interpolated between the centres of its cells, and clip.
 * @param {Float32Array} sr
 * @param {Float64Array} field
 * @param {Size} shape of the field
 * @param {Shifter} shifter
 */
function shiftPixels(sr, field, shape, shifter) {
  const { from, to } = shifter.bound;
  const columns = Array.from({ length: to.width }, (_, x) => between((x + 0.5) * (from.width / to.width), shape.width));
  const active = Array.from({ length: shape.height }, (_, row) =>
    field.subarray(row * shape.width, (row + 1) * shape.width).some((value) => value !== 0),
  );
  const shift = new Float32Array(to.width);
  for (let y = 0; y < to.height; y++) {
    const [above, below, down] = between((y + 0.5) / (to.height / from.height), shape.height);
    if (!active[above] && !active[below]) continue;
    columns.forEach(([left, right, across], x) => {
      const upper = field[above * shape.width + left] * (1 - across) + field[above * shape.width + right] * across;
      const lower = field[below * shape.width + left] * (1 - across) + field[below * shape.width + right] * across;
      shift[x] = upper * (1 - down) + lower * down;
    });
    const row = sr.subarray(y * to.width, (y + 1) * to.width);
    shifter.shifted(sr, y, row, shift);
  }
}

/**
 * The cells before and behind a place, and the part of the way between them.
 * @param {number} place in LR pixels
 * @param {number} cells
 * @returns {[number, number, number]}
 */
function between(place, cells) {
  const at = place / CELL - 0.5;
  const before = Math.min(Math.max(Math.floor(at), 0), cells - 1);
  return [before, Math.min(before + 1, cells - 1), Math.min(Math.max(at - before, 0), 1)];
}
