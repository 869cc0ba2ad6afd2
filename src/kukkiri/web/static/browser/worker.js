/** The worker that decodes, upscales and encodes, so that the page stays responsive; it is ended to cancel. */
import { decode } from "./decoding.js";
import { encode } from "./encoding.js";
import { isLineArt } from "./line_art.js";
import { loadNetwork } from "./networks.js";
import { chooseDomain, chooseNetworks, planSize } from "./planning.js";
import { Problem } from "./problem.js";
import { upscalePixels } from "./upscaling.js";

/** @typedef {import("./planning.js").Manifest} Manifest */
/** @typedef {import("../engine.js").Options} Options */
/** @typedef {{file: File, options: Options, manifest: Manifest, folder: string}} Task */

self.addEventListener("message", async (/** @type {MessageEvent<Task>} */ { data }) => {
  try {
    const started = performance.now();
    const { blob, ...result } = await upscaleFile(data);
    self.postMessage({ kind: "done", result: { blob, ...result, seconds: (performance.now() - started) / 1000 } });
  } catch (error) {
    self.postMessage({ kind: "error", error: describe(error) });
  }
});

/** @param {Task} task */
async function upscaleFile({ file, options, manifest, folder }) {
  report("loading", 0, 0);
  const { limits } = manifest;
  const decoded = await decode(file, (size) => checkPixels(size, limits.input_pixels, "image"));
  if (options.alpha === "opaque" && decoded.pixels.alpha) {
    decoded.pixels.alpha = null;
    decoded.notes.push("alpha was left out: colours under transparent pixels are shown");
  }
  const { pixels, notes } = decoded;
  const planned = planSize(pixels, options);
  checkPixels(planned.size, limits.output_pixels, "result");
  const preset = manifest.presets[options.preset];
  if (!preset) throw notHere(`preset ${options.preset}`, Object.keys(manifest.presets).join(", "));
  const image = { lossy: decoded.lossy, isLineArt: () => isLineArt(pixels) };
  const domain = chooseDomain(preset, planned.factor, options.weights, image);
  if (!Object.keys(preset[domain]).length) throw notHere(`${domain} weights for the preset ${options.preset}`, "other weights");
  const ids = chooseNetworks(preset, planned.factor, domain);
  if (!ids) throw notHere(`scale ${planned.factor}`, `scales from ${Object.keys(preset.clean).join(", ")}`);
  for (let [at, { height, width }] = [0, pixels]; at < ids.length; at++) {
    const { scale } = manifest.networks[ids[at]];
    [height, width] = [height * scale, width * scale];
    checkPixels({ height, width }, limits.output_pixels, "result");
  }
  const networks = await Promise.all(ids.map((id) => loadNetwork(manifest.networks[id], new URL(folder))));
  if (pixels.alpha && hidesColours(pixels)) {
    notes.push("colours under fully transparent pixels were replaced by those around them");
  }
  if (planned.size.height < pixels.height || planned.size.width < pixels.width) {
    notes.push(`the image is larger, ${pixels.width}x${pixels.height}, and was only downscaled`);
  }
  const result = await upscalePixels(pixels, {
    networks,
    size: planned.size,
    ensemble: preset.ensemble || options.ensemble,
    onProgress: (done, total) => report("running", done, total),
  });
  const { blob, suffix, notes: all, kept } = await encode(result, decoded, options);
  const stem = file.name ? file.name.replace(/\.[^.]*$/, "") : "image";
  const name = `${stem}_x${Number(planned.factor.toFixed(3))}.${suffix}`;
  return { blob, name, notes: all, kept, width: result.width, height: result.height };
}

/**
 * @param {{height: number, width: number}} size
 * @param {number} most
 * @param {string} name
 */
function checkPixels({ height, width }, most, name) {
  if (most && height * width > most) {
    throw new Problem({
      what: `the ${name} is too large for a browser`,
      got: `${width}x${height}, ${(height * width / 1e6).toFixed(1)} megapixels`,
      expected: `at most ${(most / 1e6).toFixed(1)} megapixels`,
      remedy: "Use a smaller scale or a part of the image, or kukkiri on the command line or a server.",
      status: 413,
    });
  }
}

/** @param {import("./png.js").Pixels} pixels */
function hidesColours({ colour, alpha }) {
  if (!alpha || alpha.every((value) => value === 0)) return false;
  return alpha.some((value, at) => value === 0 && colour.some((plane) => plane[at] !== 0 && plane[at] !== 1));
}

/**
 * @param {string} got
 * @param {string} expected
 */
function notHere(got, expected) {
  return new Problem({
    what: "this page does not have that network",
    got,
    expected,
    remedy: "Choose another, or use kukkiri on the command line or a server.",
  });
}

/**
 * @param {"loading" | "running"} phase
 * @param {number} done
 * @param {number} total
 */
function report(phase, done, total) {
  self.postMessage({ kind: "progress", progress: { phase, done, total, position: null } });
}

/** @param {unknown} error */
function describe(error) {
  if (error instanceof Problem) return error.parts;
  const message = error instanceof Error ? error.message : String(error);
  const memory = /memory|allocat|array buffer|invalid array length|Array length/i.test(message);
  return {
    what: memory ? "the browser gives no more memory" : "the upscaling failed in this browser",
    got: message,
    expected: null,
    remedy: memory
      ? "Close other tabs, use a smaller scale, or kukkiri on the command line."
      : "Reload the page; if it happens again, use kukkiri on the command line or a server.",
    status: 500,
  };
}
