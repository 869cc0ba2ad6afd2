/** The engine that runs on the visitor's own computer: nothing is uploaded. The interface is that of `../engine.js`. */
import { EngineError } from "../engine.js";

/** @typedef {import("./planning.js").Manifest} Manifest */

const FOLDER = new URL("../../networks/", import.meta.url); // beside the page, on a server and in an exported site
const FEATURES = ["width", "fit", "short_side", "megapixels", "quality", "metadata", "alpha", "ensemble"];
/** @type {Promise<Manifest> | null} */
let manifest = null;
/** @type {Worker | null} */
let idle = null;

/**
 * What this browser can do; nothing large is loaded for it.
 * @returns {Promise<import("../engine.js").Availability>}
 */
export async function available() {
  const missing = findMissing();
  const none = { input_bytes: null, input_pixels: null, output_pixels: null };
  /** @type {import("../engine.js").Models} */
  const models = { presets: [], scales: [], weights: [], dials: {}, formats: [], clips: false, features: FEATURES };
  if (missing) return { ok: false, why: `This browser has no ${missing}.`, models, limits: none, where: "" };
  try {
    const { presets, limits, version } = await readManifest();
    const scales = new Set(Object.values(presets).flatMap(({ clean }) => Object.keys(clean).map(Number)));
    const domains = /** @type {const} */ (["clean", "photo", "line"]);
    const weights = domains.filter((domain) => Object.values(presets).some((preset) => Object.keys(preset[domain]).length));
    Object.assign(models, {
      presets: Object.keys(presets),
      scales: [...scales].sort((one, other) => one - other),
      weights: weights.length > 1 ? ["auto", ...weights] : weights,
      formats: ["png", "jpg", "webp"],
    });
    return { ok: true, why: null, models, limits: { input_bytes: null, ...limits }, where: "", version, together: 1 };
  } catch (error) {
    return { ok: false, why: /** @type {Error} */ (error).message, models, limits: none, where: "" };
  }
}

/**
 * Upscale a file in a worker.
 * @param {File} file
 * @param {import("../engine.js").Options} options
 * @param {import("../engine.js").Running} [running]
 * @returns {Promise<import("../engine.js").Result>}
 */
export async function upscale(file, options, { onProgress, signal } = {}) {
  signal?.throwIfAborted();
  const task = { file, options: { ...options }, manifest: await readManifest(), folder: FOLDER.href };
  signal?.throwIfAborted();
  const worker = idle ?? new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  idle = null;
  return new Promise((resolve, reject) => {
    const cancel = () => {
      worker.terminate();
      reject(signal?.reason);
    };
    const finish = () => {
      signal?.removeEventListener("abort", cancel);
      if (idle) worker.terminate();
      else idle = worker; // its networks are loaded
    };
    signal?.addEventListener("abort", cancel, { once: true });
    worker.onerror = (event) => {
      signal?.removeEventListener("abort", cancel);
      worker.terminate();
      const remedy = "Reload the page; a current browser is needed.";
      reject(new EngineError({ what: "the upscaling did not start in this browser", got: event.message, remedy }));
    };
    worker.onmessage = ({ data }) => {
      if (data.kind === "progress") {
        onProgress?.(data.progress);
        return;
      }
      finish();
      if (data.kind === "done") resolve(data.result);
      else reject(new EngineError(data.error));
    };
    worker.postMessage(task);
  });
}

/** @returns {Promise<Manifest>} */
async function readManifest() {
  manifest ??= fetchManifest();
  try {
    return await manifest;
  } catch (error) {
    manifest = null;
    throw error;
  }
}

/** @returns {Promise<Manifest>} */
async function fetchManifest() {
  const response = await fetch(new URL("manifest.json", FOLDER)).catch(() => null);
  if (!response?.ok) {
    throw new EngineError({
      what: "the networks for the browser are not here",
      got: response ? `status ${response.status}` : "no connection",
      remedy: "Check the connection, or use the server.",
    });
  }
  return response.json();
}

/** @returns {string | null} what the browser lacks */
function findMissing() {
  const needed = { Worker: "workers", WebAssembly: "WebAssembly", OffscreenCanvas: "OffscreenCanvas", DecompressionStream: "DecompressionStream" };
  return Object.entries(needed).find(([name]) => !(name in globalThis))?.[1] ?? null;
}
