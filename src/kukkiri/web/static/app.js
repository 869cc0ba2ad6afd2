/** The page: joins the queue, the viewer, the options and the engines. */

import { announce, find, icon } from "./dom.js";
import { save, saveZip } from "./downloads.js";
import { showFacts, showProgress } from "./facts_view.js";
import { takeFiles } from "./intake.js";
import { askForKey } from "./key_dialog.js";
import { ListView } from "./list_view.js";
import { OptionsForm } from "./options_form.js";
import { Queue } from "./queue.js";
import { currentLanguage, dimensions, setLanguage, showLanguage, t } from "./strings.js";
import { currentTheme, showTheme, switchTheme } from "./theme.js";
import { Viewer } from "./viewer.js";
import { Where } from "./where.js";

/** @typedef {import("./queue.js").Item} Item */

const SHAPE = { width: 3, height: 2 }; // of the stage, where no browser can tell the size

const queue = new Queue();
const viewer = new Viewer();
const form = new OptionsForm();
const run = find("#run", HTMLButtonElement);
const zip = find("#zip", HTMLButtonElement);
/** @type {Item | null} */
let selected = null;

const list = new ListView({
  show: (item) => {
    select(item);
    viewer.root.scrollIntoView({ block: "nearest" });
  },
  cancel: (item) => queue.cancel(item),
  retry: (item) => start([item]),
  remove,
  download,
});

const where = new Where((_, engine, availability) => {
  queue.chosen = { engine, availability };
  form.offer(availability.models);
  const { clips } = availability.models;
  find("#files", HTMLInputElement).accept = `image/*,.tif,.tiff,.heic,.heif,.avif,.jxl,.exr${clips ? ",video/*" : ""}`;
  find("#drop-text", HTMLElement).setAttribute("data-t", clips ? "drop.clips" : "drop");
  find("#api", HTMLElement).hidden = availability.where === "";
  showLanguage();
  drawWords();
});

/** @param {Item} item */
function select(item) {
  selected = item;
  drawItem(item);
  draw();
}

/** @param {Item} item */
function download(item) {
  if (item.result !== null) save(item.result.blob, item.result.name);
}

/** @param {Item} item */
function remove(item) {
  const place = queue.items.indexOf(item);
  queue.remove(item);
  announce(t("announce.removed", { name: item.name }));
  const next = queue.items[Math.min(place, queue.items.length - 1)] ?? null;
  if (selected === item) selected = next;
  if (selected !== null) drawItem(selected);
  draw();
  if (next === null) find("#drop button", HTMLElement).focus();
  else list.focus(next);
}

/** @param {Item[]} items */
function start(items) {
  const options = form.read();
  if (options !== null) queue.start(items, options);
}

/** @returns {Item[]} those that the button would start */
function startable() {
  const ready = queue.items.filter((item) => item.state === "ready" && item.file !== null);
  if (ready.length > 0) return ready;
  return selected !== null && selected.ended && selected.file !== null ? [selected] : [];
}

/** Draws what depends on the list as a whole. */
function draw() {
  const { items } = queue;
  document.body.classList.toggle("empty", items.length === 0);
  find("#drop", HTMLElement).hidden = items.length > 0;
  find("#queue", HTMLElement).hidden = items.length === 0;
  find("#viewer", HTMLElement).hidden = items.length === 0;
  if (items.length === 0) find("#facts", HTMLElement).hidden = true;
  list.draw(items, selected);
  showProgress(selected);
  const next = startable();
  run.disabled = next.length === 0 || queue.chosen === null || form.read() === null;
  const again = next.length > 0 && next[0].state !== "ready";
  run.textContent = again ? t("run.again") : next.length > 1 ? t("run.many", { n: next.length }) : t("run");
  run.classList.toggle("primary", !again);
  zip.hidden = items.filter((item) => item.result !== null).length < 2;
}

/** @param {Item} item */
function drawItem(item) {
  form.input = item.size;
  form.update();
  showFacts(item, download);
  const image = item.clip ? null : item.url;
  const size = item.clip ? SHAPE : item.result ?? item.size ?? SHAPE;
  const unreadable = item.size === null && !item.clip;
  viewer.show({ name: item.name, before: unreadable ? null : image, after: item.clip ? null : item.resultUrl, width: size.width, height: size.height });
  showOther(item);
}

/**
 * Shows a clip in a player, and words for a file that no browser shows.
 * @param {Item} item
 */
function showOther(item) {
  viewer.root.classList.toggle("plays", item.clip);
  const video = find("video.clip", HTMLVideoElement);
  const source = item.clip ? item.resultUrl ?? item.url : null;
  video.hidden = source === null;
  if (source === null) video.removeAttribute("src");
  else if (video.getAttribute("src") !== source) video.src = source;
  const unknown = item.size === null && !item.clip && item.result === null;
  sayUnseen(unknown ? "unseen.input" : null, unknown);
}

find(".pane.after img", HTMLImageElement).addEventListener("error", () => {
  if (selected === null || selected.result === null) return;
  const { name, url, size } = selected;
  viewer.show({ name, before: size === null ? null : url, after: null, ...(size ?? SHAPE) });
  sayUnseen("unseen", size === null);
});

/**
 * @param {"unseen" | "unseen.input" | null} key
 * @param {boolean} alone there is nothing else to see
 */
function sayUnseen(key, alone) {
  const unseen = find(".unseen", HTMLElement);
  unseen.hidden = key === null;
  unseen.classList.toggle("alone", alone);
  unseen.textContent = key === null ? "" : t(key);
}

queue.addEventListener("list", draw);
queue.addEventListener("change", (event) => {
  const item = /** @type {CustomEvent<Item>} */ (event).detail;
  if (selected === null) selected = item;
  if (item === selected && item.state !== "running" && item.state !== "uploading") drawItem(item);
  draw();
  const { name, state, result, error } = item;
  if (state === "done" && result !== null) announce(t("announce.done", { name, size: dimensions(result.width, result.height) }));
  if (state === "failed" && error !== null) announce(t("announce.failed", { name, what: error.what }));
  if (state === "cancelled") announce(t("announce.cancelled", { name }));
});

takeFiles((files) => {
  if (files.length === 0) return;
  const wasEmpty = queue.items.length === 0;
  const [first] = queue.add(files);
  announce(t("announce.added", { n: files.length }));
  select(first);
  if (wasEmpty) run.focus({ preventScroll: true }); // the button that had the focus is gone
});

form.form.addEventListener("submit", (event) => {
  event.preventDefault();
  start(startable());
  if (selected === null || selected.ended) return;
  viewer.root.scrollIntoView({ block: "nearest" });
  find("#now button", HTMLElement).focus({ preventScroll: true }); // the button that had the focus is off now
});
find("#now button", HTMLElement).addEventListener("click", () => { if (selected !== null) queue.cancel(selected); });
form.form.addEventListener("input", draw);

zip.addEventListener("click", async () => {
  const results = queue.items.flatMap(({ result }) => (result === null ? [] : [result]));
  zip.disabled = true;
  announce(t("zip.making"));
  await saveZip(results, "kukkiri.zip");
  zip.disabled = false;
});

// Words and appearance
const theme = find("#theme", HTMLButtonElement);
function drawTheme() {
  const now = currentTheme();
  theme.replaceChildren(icon(now));
  theme.setAttribute("aria-label", `${t("theme")}: ${t(`theme.${now}`)}`);
  theme.title = t(`theme.${now}`);
}
function drawWords() {
  for (const button of document.querySelectorAll("[data-language]")) {
    button.setAttribute("aria-pressed", String(button.getAttribute("data-language") === currentLanguage()));
  }
  const version = queue.chosen?.availability.version ?? "";
  find("#made", HTMLElement).textContent = t("footer.made", { version }).replace(/ (?=[,、])/, "");
  drawTheme();
  form.update();
  viewer.label();
  if (selected !== null) drawItem(selected);
  where.say();
  draw();
}
theme.addEventListener("click", () => { switchTheme(); drawTheme(); });
for (const button of document.querySelectorAll("[data-language]")) {
  button.addEventListener("click", () => setLanguage(button.getAttribute("data-language") ?? "en"));
}
document.addEventListener("language", drawWords);

showTheme();
showLanguage();
drawWords();
const engines = await (async () => {
  const { onKeyNeeded } = await import("./server/http.js");
  onKeyNeeded(askForKey);
  return where.load();
})();
const server = engines.get("server");
if (server && where.engines.has("server")) await queue.resume(server);

const worker = document.querySelector('meta[name="kukkiri-service-worker"]')?.getAttribute("content");
if (worker) navigator.serviceWorker?.register(worker).catch(() => {}); // without it the page only does not work offline
