/** Sizes of results by the options, and the limits that are checked before anything is sent. */

import { EngineError } from "./engine.js";
import { pixelsOf, sizeOf, t } from "./strings.js";

/** @typedef {import("./engine.js").Options} Options */
/** @typedef {{width: number, height: number}} Size */

/**
 * The size of the result; null while a number is missing. The engine has the last word: it may round otherwise by a pixel.
 * @param {Size} input
 * @param {Options} options
 * @returns {Size | null}
 */
export function resultSize(input, options) {
  const factor = factorOf(input, options);
  if (factor === null || !(factor > 0)) return null;
  const { width, height } = options;
  return {
    width: width ?? Math.max(1, Math.round(input.width * factor)),
    height: height ?? Math.max(1, Math.round(input.height * factor)),
  };
}

/**
 * @param {Size} input
 * @param {Options} options
 * @returns {number | null}
 */
function factorOf(input, options) {
  if (options.scale !== null) return options.scale;
  if (options.width !== null) return options.width / input.width;
  if (options.height !== null) return options.height / input.height;
  if (options.short_side !== null) return options.short_side / Math.min(input.width, input.height);
  if (options.megapixels !== null) return Math.sqrt((options.megapixels * 1e6) / (input.width * input.height));
  const box = /^(\d+)x(\d+)$/.exec(options.fit ?? "");
  return box && Math.min(Number(box[1]) / input.width, Number(box[2]) / input.height);
}

/**
 * Throws when a file or its result is beyond a limit of the engine.
 * @param {File} file
 * @param {Size | null} input null when the browser cannot read the file; then only its bytes are checked
 * @param {Options} options
 * @param {import("./engine.js").Limits} limits
 */
export function checkLimits(file, input, options, limits) {
  /** @type {(kind: "bytes" | "input" | "output", got: string, most: string) => EngineError} */
  const beyond = (kind, got, most) => new EngineError({
    what: t(`error.${kind}`, { name: file.name }),
    got,
    expected: t("error.most", { most }),
    remedy: t(`error.${kind}.remedy`),
  });
  if (limits.input_bytes !== null && file.size > limits.input_bytes) {
    throw beyond("bytes", sizeOf(file.size), sizeOf(limits.input_bytes));
  }
  if (input === null) return;
  const pixels = input.width * input.height;
  if (limits.input_pixels !== null && pixels > limits.input_pixels) {
    throw beyond("input", pixelsOf(pixels), pixelsOf(limits.input_pixels));
  }
  const result = resultSize(input, options);
  const made = result === null ? 0 : result.width * result.height;
  if (limits.output_pixels !== null && made > limits.output_pixels) {
    throw beyond("output", pixelsOf(made), pixelsOf(limits.output_pixels));
  }
}
