"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const images = all(".image");

  // Crops: one window on every version of an image, moved together.
  for (const image of images) {
    const crops = image.querySelector(".crops");
    const size = { w: +crops.dataset.w, h: +crops.dataset.h };
    const home = { x: +crops.dataset.x, y: +crops.dataset.y };
    const at = { ...home };
    let zoom = +crops.dataset.z;
    const clamp = (value, low, high) => (low > high ? (low + high) / 2 : Math.min(high, Math.max(low, value)));
    const draw = () => {
      const half = crops.querySelector(".window").clientWidth / 2 / zoom;
      at.x = clamp(at.x, half, size.w - half);
      at.y = clamp(at.y, half, size.h - half);
      crops.style.setProperty("--x", at.x);
      crops.style.setProperty("--y", at.y);
      crops.style.setProperty("--z", zoom);
      for (const button of all("[data-zoom]", image)) button.setAttribute("aria-pressed", +button.dataset.zoom === zoom);
    };
    for (const button of all("[data-zoom]", image)) {
      button.addEventListener("click", () => { zoom = +button.dataset.zoom; draw(); });
    }
    image.querySelector("[data-home]")?.addEventListener("click", () => { Object.assign(at, home); draw(); });
    let last = null;
    crops.addEventListener("pointerdown", (event) => {
      if (!event.target.closest(".window")) return;
      last = event;
      crops.setPointerCapture(event.pointerId);
      crops.classList.add("dragging");
    });
    crops.addEventListener("pointermove", (event) => {
      if (!last) return;
      at.x -= (event.clientX - last.clientX) / zoom;
      at.y -= (event.clientY - last.clientY) / zoom;
      last = event;
      draw();
    });
    for (const end of ["pointerup", "pointercancel"]) {
      crops.addEventListener(end, () => { last = null; crops.classList.remove("dragging"); });
    }
    crops.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: [-8, 0], ArrowRight: [8, 0], ArrowUp: [0, -8], ArrowDown: [0, 8] }[event.key];
      if (!step) return;
      event.preventDefault();
      at.x += step[0];
      at.y += step[1];
      draw();
    });
    new ResizeObserver(draw).observe(crops);
  }

  // The viewer: two versions of one image under a slider. Its state is in the address, to be shared or kept.
  const viewer = document.querySelector(".viewer");
  if (!viewer || !images.length) return;
  const slider = viewer.querySelector("img-comparison-slider");
  const pane = viewer.querySelector(".pane");
  const sides = ["left", "right"].map((side) => ({
    select: viewer.querySelector(`select[name=${side}]`),
    image: viewer.querySelector(`img[data-side=${side}]`),
    chip: viewer.querySelector(`.chip.${side}`),
  }));
  const thumbs = all(".thumbs button", viewer);
  const zooms = all(".zoom button", viewer);
  const output = viewer.querySelector("output");
  const wanted = new URLSearchParams(location.hash.slice(1));
  let current = Math.max(0, images.findIndex((image) => image.dataset.name === wanted.get("image")));
  let zoom = wanted.get("zoom") ?? "fit";
  sides.forEach((side, index) => {
    const value = wanted.get(["left", "right"][index]);
    if (side.select && all("option", side.select).some((option) => option.value === value)) side.select.value = value;
  });

  const remember = () => {
    const state = new URLSearchParams({ image: images[current].dataset.name });
    sides.forEach((side, index) => side.select && state.set(["left", "right"][index], side.select.value));
    state.set("position", Math.round(slider.value));
    state.set("zoom", zoom);
    try { history.replaceState(null, "", "#" + state); } catch { /* some viewers forbid it; only the address is not updated */ }
  };
  const tell = () => {
    const value = Math.round(slider.value);
    slider.setAttribute("aria-valuenow", value);
    slider.setAttribute("aria-valuetext", `${value} % ${sides[0].chip.textContent}`);
    output.textContent = `${value} %`;
    sides[0].chip.style.opacity = value < 8 ? 0 : 1;
    sides[1].chip.style.opacity = value > 92 ? 0 : 1;
  };
  const fit = () => {
    const { w, h } = images[current].querySelector(".crops").dataset;
    const room = viewer.querySelector(".frame").clientWidth - 2;
    const tall = Math.min(window.innerHeight * 0.86, 880);
    let factor = zoom === "fit" ? Math.min(room / w, tall / h) : +zoom;
    if (zoom === "fit" && factor > 1) factor = Math.floor(factor * 2) / 2; // whole or half steps keep pixels even
    pane.style.setProperty("--shown-width", `${w * factor}px`);
    pane.style.setProperty("--shown-height", `${h * factor}px`);
    pane.classList.toggle("sharp", factor >= 2 && viewer.dataset.smooth === undefined);
    for (const button of zooms) button.setAttribute("aria-pressed", button.value === zoom);
  };
  const show = () => {
    const image = images[current];
    for (const [index, side] of sides.entries()) {
      const label = side.select ? side.select.value : side.image.dataset.label;
      const tile = all(".tile", image).find((candidate) => candidate.dataset.label === label);
      const source = tile.querySelector("img");
      side.image.src = source.src;
      side.image.alt = `${image.dataset.name}: ${label}`;
      side.chip.textContent = [label, tile.dataset.score.split(" · ")[0]].filter(Boolean).join(" · ");
      side.chip.hidden = false;
      if (index === 1) slider.setAttribute("aria-label", `${image.dataset.name}: ${sides[0].chip.textContent} on the left, ${sides[1].chip.textContent} on the right`);
    }
    thumbs.forEach((button, index) => button.setAttribute("aria-pressed", index === current));
    fit();
    tell();
  };
  thumbs.forEach((button, index) => button.addEventListener("click", () => { current = index; show(); remember(); }));
  zooms.forEach((button) => button.addEventListener("click", () => { zoom = button.value; fit(); remember(); }));
  for (const side of sides) side.select?.addEventListener("change", () => { show(); remember(); });
  viewer.querySelector("[data-swap]")?.addEventListener("click", () => {
    [sides[0].select.value, sides[1].select.value] = [sides[1].select.value, sides[0].select.value];
    show();
    remember();
  });
  slider.addEventListener("slide", () => { tell(); });
  slider.addEventListener("keyup", remember);
  slider.addEventListener("pointerup", remember);
  slider.addEventListener("keydown", (event) => {
    if (event.key !== "Home" && event.key !== "End") return;
    event.preventDefault();
    slider.value = event.key === "Home" ? 0 : 100;
    tell();
  });
  new ResizeObserver(fit).observe(viewer.querySelector(".frame"));
  show();
})();
