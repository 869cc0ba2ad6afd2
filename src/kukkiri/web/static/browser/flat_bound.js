/**
 * Flat parts stay flat: SR is held within two levels of a 3x3 LR neighbourhood that is flat to two levels.
 *
 * The rule of kukkiri.inference.flat_bound, for one plane. An SR pixel belongs to the LR pixel that its centre lies in.
 */

/** @typedef {{height: number, width: number}} Size */

const FLAT = 2.0; // largest difference of the nine LR samples of a flat neighbourhood, in levels
const ROUNDING = 2e-3; // levels: float32 and the way through luma move a difference of two levels by less

/**
 * First result pixel whose centre lies in each pixel along a side, and the end of the last.
 * @param {number} length
 * @param {number} pixels of the result
 */
export function findStarts(length, pixels) {
  return Int32Array.from({ length: length + 1 }, (_, place) => Math.ceil(place * (pixels / length) - 0.5));
}

/** The interval that each flat LR neighbourhood allows, and the SR pixels that it holds for. */
export class FlatBound {
  /**
   * @param {Float32Array} lr
   * @param {Size} from its size
   * @param {Size} to the size of SR, at least that of LR
   * @param {number} level one level of 255, in the units of the samples
   */
  constructor(lr, from, to, level) {
    this.lr = lr;
    this.from = from;
    this.to = to;
    this.level = level;
    this.down = findStarts(from.height, to.height);
    this.across = findStarts(from.width, to.width);
    this.owner = new Int32Array(to.width);
    for (let x = 0; x < from.width; x++) this.owner.fill(x, this.across[x], this.across[x + 1]);
    this.low = new Float32Array(from.width);
    this.high = new Float32Array(from.width);
  }

  /**
   * Write the smallest and the largest of the 3x3 samples around each pixel of a row to `low` and `high`.
   * @param {number} y
   */
  findExtremes(y) {
    const { lr, low, high } = this;
    const { height, width } = this.from;
    const above = Math.max(y - 1, 0) * width;
    const here = y * width;
    const below = Math.min(y + 1, height - 1) * width;
    for (let x = 0; x < width; x++) {
      let least = Infinity;
      let most = -Infinity;
      for (let beside = Math.max(x - 1, 0); beside <= Math.min(x + 1, width - 1); beside++) {
        const [a, b, c] = [lr[above + beside], lr[here + beside], lr[below + beside]];
        least = Math.min(least, a, b, c);
        most = Math.max(most, a, b, c);
      }
      low[x] = least;
      high[x] = most;
    }
  }

  /**
   * 1 for each flat pixel of LR.
   * @returns {Uint8Array}
   */
  findFlat() {
    const { height, width } = this.from;
    const flat = new Uint8Array(height * width);
    for (let y = 0; y < height; y++) {
      this.findExtremes(y);
      for (let x = 0; x < width; x++) flat[y * width + x] = this.isFlat(x) ? 1 : 0;
    }
    return flat;
  }

  /** @param {number} x a column of the row that `findExtremes` has seen */
  isFlat(x) {
    return this.high[x] - this.low[x] <= (FLAT + ROUNDING) * this.level;
  }

  /**
   * Clip SR, in place, where LR is flat.
   * @param {Float32Array} sr
   */
  clip(sr) {
    const { down, across, low, high } = this;
    for (let y = 0; y < this.from.height; y++) {
      this.findExtremes(y);
      for (let x = 0; x < this.from.width; x++) {
        if (!this.isFlat(x)) continue;
        const slack = 0.5 * (high[x] - low[x]) + this.level;
        const least = Math.fround(low[x] - slack);
        const most = Math.fround(high[x] + slack);
        for (let row = down[y]; row < down[y + 1]; row++) {
          const start = row * this.to.width;
          for (let at = start + across[x]; at < start + across[x + 1]; at++) {
            if (sr[at] < least) sr[at] = least;
            else if (sr[at] > most) sr[at] = most;
          }
        }
      }
    }
  }
}
