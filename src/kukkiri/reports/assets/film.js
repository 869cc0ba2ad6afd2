"use strict";
(() => {
  const film = document.querySelector(".film");
  if (!film) return;
  const all = (selector, root = film) => [...root.querySelectorAll(selector)];
  const video = film.querySelector("video");
  const slider = film.querySelector("img-comparison-slider");
  const pane = film.querySelector(".pane");
  const canvases = all("canvas");
  const seek = film.querySelector("input[type=range]");
  const output = film.querySelector(".transport output");
  const button = film.querySelector("[data-play]");
  const labels = JSON.parse(film.dataset.labels);
  const times = JSON.parse(film.dataset.times);
  const [w, h, rows] = [+film.dataset.w, +film.dataset.h, +film.dataset.rows];
  const sides = ["left", "right"].map((side, index) => ({
    select: film.querySelector(`select[name=${side}]`),
    chip: film.querySelector(`.chip.${side}`),
    canvas: canvases[index],
    context: canvases[index].getContext("2d", { alpha: false }),
  }));
  let zoom = "fit";

  const label = (side) => (side.select ? side.select.value : side.canvas.dataset.label);
  const frame = () => { // the last one whose time has come
    let number = times.length - 1;
    while (number > 0 && times[number] > video.currentTime + 0.001) number -= 1;
    return number;
  };
  const draw = () => { // both sides come from the same decoded frame
    if (video.readyState < 2) return;
    for (const side of sides) side.context.drawImage(video, 0, labels.indexOf(label(side)) * rows, w, h, 0, 0, w, h);
    if (document.activeElement !== seek || !video.paused) seek.value = frame();
    output.textContent = `${frame() + 1} / ${times.length}  ${times[frame()].toFixed(2)} s`;
  };
  const tell = () => {
    const value = Math.round(slider.value);
    slider.setAttribute("aria-valuenow", value);
    slider.setAttribute("aria-valuetext", `${value} % ${label(sides[0])}`);
    slider.setAttribute("aria-label", `${label(sides[0])} on the left, ${label(sides[1])} on the right`);
    for (const side of sides) { side.chip.textContent = label(side); side.chip.hidden = false; }
    sides[0].chip.style.opacity = value < 8 ? 0 : 1;
    sides[1].chip.style.opacity = value > 92 ? 0 : 1;
  };
  const fit = () => {
    const room = film.querySelector(".frame").clientWidth - 2;
    const tall = Math.min(window.innerHeight * 0.8, 820);
    let factor = zoom === "fit" ? Math.min(room / w, tall / h) : +zoom;
    if (zoom === "fit" && factor > 1) factor = Math.floor(factor * 2) / 2; // whole or half steps keep pixels even
    pane.style.setProperty("--shown-width", `${w * factor}px`);
    pane.style.setProperty("--shown-height", `${h * factor}px`);
    pane.classList.toggle("sharp", factor >= 2);
    for (const choice of all(".zoom button")) choice.setAttribute("aria-pressed", choice.value === zoom);
  };
  const go = (number) => { // to the middle of a frame's time, where rounding cannot miss it
    const index = (number + times.length) % times.length;
    const end = index + 1 < times.length ? times[index + 1] : video.duration || times[index] + 0.02;
    video.currentTime = (times[index] + end) / 2;
  };
  const toggle = () => (video.paused ? video.play() : video.pause());
  const run = () => { draw(); if (!video.paused) requestAnimationFrame(run); };

  video.addEventListener("play", () => { button.textContent = "❚❚"; button.setAttribute("aria-label", "Stop"); run(); });
  video.addEventListener("pause", () => { button.textContent = "▶"; button.setAttribute("aria-label", "Play"); draw(); });
  video.addEventListener("loadeddata", () => { if (video.paused) go(0); }); // a film that stands still has to be sought to show
  video.addEventListener("seeked", () => { draw(); requestAnimationFrame(draw); });
  if (video.requestVideoFrameCallback) { // a frame that comes later than the event
    const shown = () => { if (video.paused) draw(); video.requestVideoFrameCallback(shown); };
    video.requestVideoFrameCallback(shown);
  }
  button.addEventListener("click", toggle);
  for (const step of all("[data-step]")) step.addEventListener("click", () => { video.pause(); go(frame() + +step.dataset.step); });
  seek.addEventListener("input", () => { video.pause(); go(+seek.value); });
  for (const choice of all(".zoom button")) choice.addEventListener("click", () => { zoom = choice.value; fit(); });
  for (const side of sides) side.select?.addEventListener("change", () => { tell(); draw(); });
  film.querySelector("[data-swap]")?.addEventListener("click", () => {
    [sides[0].select.value, sides[1].select.value] = [sides[1].select.value, sides[0].select.value];
    tell();
    draw();
  });
  slider.addEventListener("slide", tell);
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.target.closest("button, select, input, summary, a")) return;
    if (event.key === " " || event.key === "k") { event.preventDefault(); toggle(); }
    if (event.key === "," || event.key === ".") { video.pause(); go(frame() + (event.key === "," ? -1 : 1)); }
    if (event.target === slider && (event.key === "Home" || event.key === "End")) {
      event.preventDefault();
      slider.value = event.key === "Home" ? 0 : 100;
      tell();
    }
  });
  new ResizeObserver(fit).observe(film.querySelector(".frame"));

  const bytes = Uint8Array.from(atob(video.dataset.mp4), (letter) => letter.charCodeAt(0));
  video.removeAttribute("data-mp4");
  video.src = URL.createObjectURL(new Blob([bytes], { type: "video/mp4" }));
  fit();
  tell();
  if (!window.matchMedia("(prefers-reduced-motion: reduce)").matches) video.play().catch(() => { /* the button plays it */ });
})();
