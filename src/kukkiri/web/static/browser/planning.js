/** The size of a result and the networks that lead to it: the rules of kukkiri.inference. */
import { Problem } from "./problem.js";

/** @typedef {{height: number, width: number}} Size */
/**
 * @typedef {"clean" | "photo" | "line"} Domain
 * @typedef {{family: string, ensemble: boolean} & Record<Domain, Record<string, string>>} Preset
 * @typedef {{file: string, bytes: number, sha256: string, scale: number, receptive_field: number, licence: string}} Network
 * @typedef {{version: string, presets: Record<string, Preset>, networks: Record<string, Network>,
 *   limits: {input_pixels: number, output_pixels: number}}} Manifest
 */

const LONGEST = 8;

/**
 * Scales of the networks to run one after the other: the fewest runs, among them the smallest product.
 * @param {number[]} available scales above 1, for every run but the first
 * @param {number} asked at least 1
 * @param {number[]} first scales that the first run may have
 * @returns {number[] | null} null when it is out of reach
 */
export function chooseScales(available, asked, first = available) {
  if (asked <= 1) return [];
  const [beginnings, later] = [first, available].map((scales) => [...scales].sort((a, b) => a - b));
  for (let count = 1; count <= LONGEST; count++) {
    /** @type {number[] | null} */
    let best = null;
    for (const beginning of beginnings) {
      for (const rest of combinations(later, count - 1)) {
        const chain = [beginning, ...rest];
        if (product(chain) >= asked && (!best || product(chain) < product(best))) best = chain;
      }
    }
    if (best) return best;
  }
  return null;
}

/**
 * Ids of the networks: the first sees the image. What follows one for photographs is a clean one; what follows one for line
 * art is another one where the scale has one, else a clean one.
 * @param {Preset} preset
 * @param {number} asked
 * @param {Domain} domain
 * @returns {string[] | null}
 */
export function chooseNetworks(preset, asked, domain) {
  const first = preset[domain];
  const following = domain === "line" ? { ...preset.clean, ...preset.line } : preset.clean;
  const [beginnings, later] = [first, following].map((scales) => Object.keys(scales).map(Number));
  if (!beginnings.length) return null;
  const scales = chooseScales(later.length ? later : beginnings, asked, beginnings);
  return scales && scales.map((scale, place) => (place && later.length ? following : first)[scale]);
}

/**
 * The degradation domain of the networks that see an image.
 * @param {Preset} preset
 * @param {number} asked
 * @param {string} weights "auto", or a domain
 * @param {{lossy: boolean, isLineArt: () => boolean}} image its content is looked at where that decides only
 * @returns {Domain}
 */
export function chooseDomain(preset, asked, weights, { lossy, isLineArt }) {
  if (weights === "clean" || weights === "photo" || weights === "line") return weights;
  if (lossy) return Object.keys(preset.photo).length ? "photo" : "clean";
  const [line, clean] = [chooseNetworks(preset, asked, "line"), chooseNetworks(preset, asked, "clean")];
  return line?.length && clean && line.length <= clean.length && isLineArt() ? "line" : "clean";
}

/**
 * The size of the result, and the whole scale that reaches it.
 * @param {Size} size
 * @param {{scale?: number | null, width?: number | null, height?: number | null, fit?: string | number[] | null,
 *   short_side?: number | null, megapixels?: number | null, stretch?: boolean}} options
 * @returns {{size: Size, factor: number}}
 */
export function planSize(size, options) {
  const target = findTarget(size, options);
  if (!target) {
    const scale = options.scale ?? 2;
    const [height, width] = [size.height, size.width].map((side) => Math.max(1, Math.floor(scale * side + 0.5)));
    return { size: { height, width }, factor: scale };
  }
  return {
    size: target,
    factor: Math.max(Math.ceil(target.height / size.height), Math.ceil(target.width / size.width)),
  };
}

/**
 * @param {Size} size
 * @param {Parameters<typeof planSize>[1]} options
 * @returns {Size | null}
 */
function findTarget({ height, width }, options) {
  const across = options.width ?? null;
  const down = options.height ?? null;
  if (across !== null && down !== null) {
    const [keptWidth, keptHeight] = [rounded(width * down, height), rounded(height * across, width)];
    if (!options.stretch && Math.abs(keptHeight - down) > 1 && Math.abs(keptWidth - across) > 1) {
      throw new Problem({
        what: `${across}x${down} has another aspect than the image`,
        got: `an image of ${width}x${height}`,
        expected: `${across}x${keptHeight} or ${keptWidth}x${down}`,
        remedy: "Give only one side, or a box to fit in.",
      });
    }
    return { height: down, width: across };
  }
  if (across !== null) return { height: rounded(height * across, width), width: across };
  if (down !== null) return { height: down, width: rounded(width * down, height) };
  if (options.fit) {
    const [boxWidth, boxHeight] = Array.isArray(options.fit) ? options.fit : options.fit.split("x").map(Number);
    return boxWidth * height <= boxHeight * width
      ? { height: Math.min(boxHeight, rounded(height * boxWidth, width)), width: boxWidth }
      : { height: boxHeight, width: Math.min(boxWidth, rounded(width * boxHeight, height)) };
  }
  if (options.short_side) {
    const short = options.short_side;
    return height <= width
      ? { height: short, width: rounded(width * short, height) }
      : { height: rounded(height * short, width), width: short };
  }
  if (options.megapixels) {
    const scale = Math.sqrt((options.megapixels * 1e6) / (height * width));
    return { height: Math.max(1, Math.round(height * scale)), width: Math.max(1, Math.round(width * scale)) };
  }
  return null;
}

/**
 * @param {number} dividend
 * @param {number} divisor
 */
function rounded(dividend, divisor) {
  return Math.max(1, Math.floor((2 * dividend + divisor) / (2 * divisor)));
}

/** @param {number[]} scales */
function product(scales) {
  return scales.reduce((total, scale) => total * scale, 1);
}

/**
 * Combinations with replacement, in ascending order.
 * @param {number[]} values
 * @param {number} count
 * @returns {number[][]}
 */
function combinations(values, count) {
  if (count === 0) return [[]];
  return values.flatMap((value, at) => combinations(values.slice(at), count - 1).map((rest) => [value, ...rest]));
}
