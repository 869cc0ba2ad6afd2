/** Line art, recognized by its samples: the rules of kukkiri.inference.line_art. */

const [FLAT, FAINT, STEP] = [0.5 / 255, 2.5 / 255, 64.5 / 255]; // of the largest range of the channels
const RULES = [[0.1, 0.33], [0.55, 0.5]]; // least share of flat neighbourhoods, largest share of texture in the others
const LEAST = 1e-3; // share of steps: a blank page is no drawing
const LOOKED_AT = 2 ** 20; // pixels of a large image
const BAND = 64; // rows

/**
 * True for an image that weights for line art are made for; of more than a megapixel, bands of rows are looked at.
 * @param {{height: number, width: number, colour: Float32Array[]}} pixels colour in [0, 1]
 */
export function isLineArt({ height, width, colour }) {
  if (width < 3) return false;
  const counts = { flat: 0, faint: 0, below: 0, total: 0 };
  for (const start of findBands(height, width)) {
    for (let y = start + 1; y + 1 < Math.min(start + BAND, height); y++) countRow(counts, findRanges(colour, y, width));
  }
  if (!counts.total) return false;
  const flat = counts.flat / counts.total;
  const texture = (counts.below - counts.faint) / Math.max(counts.total - counts.faint, 1);
  const steps = (counts.total - counts.below) / counts.total;
  return steps >= LEAST && RULES.some(([least, most]) => flat >= least && texture <= most);
}

/**
 * First rows of the bands.
 * @param {number} height
 * @param {number} width
 */
export function findBands(height, width) {
  const every = Math.ceil(height / BAND);
  const count = Math.min(every, Math.max(1, Math.floor(LOOKED_AT / (BAND * width))));
  return Array.from({ length: count }, (_, place) => Math.floor(((2 * place + 1) * every) / (2 * count)) * BAND);
}

/**
 * @param {{flat: number, faint: number, below: number, total: number}} counts
 * @param {Float32Array} ranges
 */
function countRow(counts, ranges) {
  counts.total += ranges.length;
  for (const range of ranges) {
    if (range <= FLAT) counts.flat++;
    if (range <= FAINT) counts.faint++;
    if (range <= STEP) counts.below++;
  }
}

/**
 * Largest minus smallest sample of each 3x3 neighbourhood around a row, of the channel where that is most.
 * @param {Float32Array[]} colour
 * @param {number} y
 * @param {number} width
 */
function findRanges(colour, y, width) {
  const ranges = new Float32Array(width - 2);
  const [largest, smallest] = [new Float32Array(width), new Float32Array(width)];
  for (const plane of colour) {
    for (let x = 0, at = y * width; x < width; x++, at++) {
      const [above, here, under] = [plane[at - width], plane[at], plane[at + width]];
      largest[x] = Math.max(above, here, under);
      smallest[x] = Math.min(above, here, under);
    }
    for (let x = 0; x + 2 < width; x++) {
      const most = Math.max(largest[x], largest[x + 1], largest[x + 2]);
      const range = most - Math.min(smallest[x], smallest[x + 1], smallest[x + 2]);
      if (range > ranges[x]) ranges[x] = range;
    }
  }
  return ranges;
}
