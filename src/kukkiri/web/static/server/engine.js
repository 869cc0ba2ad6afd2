/** The engine that sends images to the server that the page came from. */

import { EngineError } from "../engine.js";
import { t } from "../strings.js";
import { pause, watch } from "./events.js";
import { Busy, call, getJson, send } from "./http.js";
import * as savedJobs from "./saved_jobs.js";

export { onKeyNeeded } from "./http.js";
export const saved = savedJobs.list;

/** @typedef {import("../engine.js").Result} Result */
/** @typedef {import("../engine.js").Running} Running */
/** @typedef {import("./events.js").Job} Job */

const TOGETHER = 8;
/** Values that need not be said; some of them mean nothing for a clip, and are refused there.
 * @type {Record<string, string>} */
const DEFAULTS = { weights: "auto", format: "same", metadata: "keep", alpha: "transparency" };
const FEATURES = ["width", "fit", "short_side", "megapixels", "quality", "metadata", "alpha", "ensemble", "skip_flat", "wrap"];

/** @returns {Promise<import("../engine.js").Availability>} */
export async function available() {
  try {
    const [limits, models] = await Promise.all([getJson("v1/limits"), getJson("v1/models")]);
    /** @type {(name: string, unit: number) => number | null} a value of 0 means that there is no limit */
    const limit = (name, unit) => limits.limits[name]?.value * unit || null;
    return {
      ok: true,
      why: null,
      where: location.host,
      version: limits.version ?? models.version,
      keptSeconds: limit("keep_hours", 3600),
      together: Math.min(limit("max_client_jobs", 1) ?? TOGETHER, TOGETHER),
      limits: {
        input_bytes: limit("max_body_mb", 1e6),
        input_pixels: limit("max_input_megapixels", 1e6),
        output_pixels: limit("max_output_megapixels", 1e6),
      },
      models: {
        presets: names(models.presets) ?? ["fast", "balanced", "best"],
        scales: models.scales ?? [2, 3, 4],
        weights: names(models.weights) ?? ["auto", "clean", "photo"],
        dials: Object.fromEntries(models.presets.map((/** @type {{name: string, dials?: string[]}} */ { name, dials }) => [name, dials ?? []])),
        formats: names(models.formats) ?? ["png", "jpg", "webp", "tiff"],
        clips: Boolean(models.clips),
        features: FEATURES,
      },
    };
  } catch (error) {
    return { ok: false, why: error instanceof Error ? error.message : String(error), ...NOTHING };
  }
}

const NOTHING = {
  where: location.host,
  limits: { input_bytes: null, input_pixels: null, output_pixels: null },
  models: { presets: [], scales: [], weights: [], dials: {}, formats: [], clips: false, features: [] },
};

/**
 * @param {unknown} value strings, or objects with a name, or an object whose keys are the names
 * @returns {string[] | null}
 */
function names(value) {
  if (Array.isArray(value)) return value.map((entry) => (typeof entry === "string" ? entry : entry.name));
  return value && typeof value === "object" ? Object.keys(value) : null;
}

/**
 * @param {File} file
 * @param {import("../engine.js").Options} options
 * @param {Running} running
 * @returns {Promise<Result>}
 */
export async function upscale(file, options, running) {
  const query = new URLSearchParams({ mode: "job", filename: file.name });
  for (const [name, value] of Object.entries(options)) {
    if (value !== null && value !== false && value !== DEFAULTS[name]) query.set(name, String(value));
  }
  const job = await submit(`v1/upscale?${query}`, file, running);
  savedJobs.add(job.id, file.name);
  return finish(job, running);
}

/**
 * Sends, and sends again when the queue was full, as late as the server asks for.
 * @param {string} path
 * @param {File} file
 * @param {Running} running
 * @returns {Promise<Job>}
 */
async function submit(path, file, running) {
  for (let left = 120; ; left -= 1) {
    try {
      return await send(path, file, running);
    } catch (error) {
      if (!(error instanceof Busy) || left === 0) throw error;
      running.onProgress?.({ phase: "queued", done: 0, total: 0, position: 0 });
      await pause(error.seconds * 1000, running.signal);
    }
  }
}

/**
 * @param {Job} job
 * @param {Running} running
 * @returns {Promise<Result>}
 */
async function finish(job, { onProgress, signal }) {
  const self = job.links.self;
  /** @type {Job | null} */
  let last = null;
  try {
    for await (const now of watch(job, signal)) {
      last = now;
      if (now.state === "queued") onProgress?.({ phase: "queued", done: 0, total: 0, position: now.position });
      if (now.state === "running") onProgress?.({ phase: "running", ...now.progress, position: null });
    }
  } catch (error) {
    if (signal?.aborted) await call(self, { method: "DELETE" }).catch(() => {});
    if (signal?.aborted || (error instanceof EngineError && error.status === 404)) savedJobs.remove(job.id);
    throw error;
  }
  if (last === null || last.state !== "done" || !last.links.result) {
    savedJobs.remove(job.id);
    throw new EngineError(last?.error ?? { what: t(last?.state === "cancelled" ? "error.cancelled" : "error.lost") });
  }
  return fetchResult(last, { onProgress, signal });
}

/**
 * @param {Job} job
 * @param {Running} running
 * @returns {Promise<Result>}
 */
async function fetchResult(job, { onProgress, signal }) {
  const result = job.result;
  onProgress?.({ phase: "fetching", done: 0, total: result.bytes, position: null });
  const blob = await (await call(String(job.links.result), { signal })).blob();
  const preview = job.links.preview ? await (await call(job.links.preview, { signal })).blob() : null;
  return {
    blob: blob.type ? blob : new Blob([blob], { type: result.media_type }),
    name: result.file_name,
    width: result.width,
    height: result.height,
    notes: result.notes ?? [],
    kept: result.kept,
    seconds: result.seconds ?? null,
    preview,
    input: job.width > 0 ? { width: job.width, height: job.height } : null,
    id: job.id,
  };
}

/**
 * Takes up a job from before a reload.
 * @param {string} id
 * @param {Running} running
 * @returns {Promise<{input: File | null, result: Promise<Result>}>}
 */
export async function resume(id, running) {
  /** @type {Job} */
  let job;
  try {
    job = await getJson(`v1/jobs/${encodeURIComponent(id)}`, running.signal);
  } catch (error) {
    if (error instanceof EngineError && error.status === 404) savedJobs.remove(id);
    throw error;
  }
  let input = null;
  if (job.links.input) {
    const blob = await call(job.links.input).then((response) => response.blob(), () => null); // swept already: only the slider misses it
    input = blob && new File([blob], job.input_name, { type: blob.type });
  }
  return { input, result: finish(job, running) };
}

/** @param {string} id */
export async function forget(id) {
  savedJobs.remove(id);
  await call(`v1/jobs/${encodeURIComponent(id)}`, { method: "DELETE" }).catch(() => {});
}
