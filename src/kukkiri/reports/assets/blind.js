"use strict";
(() => {
  const data = JSON.parse(document.getElementById("blind-data").textContent);
  const root = document.querySelector(".blind");
  const find = (selector) => root.querySelector(selector);
  const place = `kukkiri-blind-${data.id}`;
  const zScore = 1.959964; // 95 %

  const random = (count) => {
    const limit = Math.floor(2 ** 32 / count) * count;
    for (;;) {
      const value = crypto.getRandomValues(new Uint32Array(1))[0];
      if (value < limit) return value % count;
    }
  };
  const deal = () => {
    const order = data.trials.map((_, index) => index);
    for (let last = order.length - 1; last > 0; last--) {
      const other = random(last + 1);
      [order[last], order[other]] = [order[other], order[last]];
    }
    const name = `${random(2 ** 32)}-${random(2 ** 32)}`; // two exports of one session are counted once
    return { deal: name, order: order.map((trial) => ({ trial, swapped: random(2) === 1 })), answers: [] };
  };
  const isWhole = (state) =>
    state && Array.isArray(state.order) && Array.isArray(state.answers) && state.order.length === data.trials.length;
  const recall = () => {
    try {
      const state = JSON.parse(localStorage.getItem(place));
      return isWhole(state) ? state : null;
    } catch { return null; }
  };
  const keep = () => {
    try { localStorage.setItem(place, JSON.stringify(state)); } catch { find(".unsaved").hidden = false; }
  };

  let state = recall() ?? deal();
  let shownAt = 0;
  let revealed = false;

  // Wilson, JASA 22, 1927: the interval of a share; it holds for few answers and near 0 and 1.
  const wilson = (wins, total) => {
    const share = wins / total;
    const weight = zScore ** 2 / total;
    const middle = (share + weight / 2) / (1 + weight);
    const half = (zScore / (1 + weight)) * Math.sqrt((share * (1 - share)) / total + weight / (4 * total));
    return [Math.max(0, middle - half), Math.min(1, middle + half)];
  };

  const answered = () => state.answers.map((answer, index) => {
    const { trial } = state.order[index];
    const { crop, pair } = data.trials[trial];
    const choice = answer.side === "none" ? null : pair[(answer.side === "right") !== state.order[index].swapped ? 1 : 0];
    return { image: data.crops[crop].image, place: data.crops[crop].place, pair, choice, seconds: answer.seconds };
  });

  const draw = () => {
    const done = state.answers.length;
    const over = done === state.order.length;
    find(".question").hidden = over;
    find(".over").hidden = !over;
    find("progress").value = done;
    find("output").textContent = `${done} of ${state.order.length}`;
    find("[data-undo]").disabled = done === 0;
    for (const button of root.querySelectorAll("[data-results], [data-export], [data-again]")) button.disabled = done === 0;
    if (!over) {
      const { trial, swapped } = state.order[done];
      const { crop, pair } = data.trials[trial];
      const [left, right] = swapped ? [pair[1], pair[0]] : pair;
      find("img.left").src = data.crops[crop].images[left];
      find("img.right").src = data.crops[crop].images[right];
      shownAt = performance.now();
    }
    find(".found").hidden = !(over || revealed) || done === 0;
    if (!find(".found").hidden) tell();
  };

  const percent = (share) => `${Math.round(100 * share)} %`;
  const tell = () => {
    const answers = answered();
    const body = find(".found tbody");
    body.replaceChildren();
    for (const pair of data.pairs) {
      const those = answers.filter((answer) => answer.pair[0] === pair[0] && answer.pair[1] === pair[1]);
      const wins = pair.map((model) => those.filter((answer) => answer.choice === model).length);
      const decided = wins[0] + wins[1];
      const row = body.insertRow();
      const head = document.createElement("th");
      head.scope = "row";
      head.textContent = `${data.models[pair[0]]} : ${data.models[pair[1]]}`;
      row.append(head);
      const cells = [String(wins[0]), String(wins[1]), String(those.length - decided)];
      if (decided) {
        const [low, high] = wilson(wins[0], decided);
        const clear = low > 0.5 ? data.models[pair[0]] : high < 0.5 ? data.models[pair[1]] : "neither";
        cells.push(`${percent(wins[0] / decided)} (${percent(low)} to ${percent(high)})`, clear);
      } else cells.push("-", "-");
      for (const text of cells) row.insertCell().textContent = text;
    }
  };

  const answer = (side) => {
    if (state.answers.length === state.order.length) return;
    state.answers.push({ side, seconds: Math.round((performance.now() - shownAt) / 100) / 10 });
    keep();
    draw();
  };
  const undo = () => {
    if (!state.answers.length) return;
    state.answers.pop();
    keep();
    draw();
  };

  for (const button of root.querySelectorAll("[data-answer]")) {
    button.addEventListener("click", () => answer(button.dataset.answer));
  }
  find("img.left").addEventListener("click", () => answer("left"));
  find("img.right").addEventListener("click", () => answer("right"));
  find("[data-undo]").addEventListener("click", undo);
  find("[data-results]").addEventListener("click", () => { revealed = !revealed; draw(); });
  find("[data-again]").addEventListener("click", () => {
    if (!confirm("Forget all answers and begin anew?")) return;
    state = deal();
    revealed = false;
    keep();
    draw();
  });
  find("[data-export]").addEventListener("click", () => {
    const exported = { kukkiri_blind: 1, id: data.id, deal: state.deal, models: data.models, scale: data.scale, degradation: data.degradation,
      trials: state.order.length, answers: answered() };
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([`${JSON.stringify(exported, null, 1)}\n`], { type: "application/json" }));
    link.download = `blind-${data.id}.json`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  });
  const keys = { ArrowLeft: "left", ArrowRight: "right", ArrowDown: "none" };
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.repeat) return;
    if (event.key in keys) answer(keys[event.key]);
    else if (event.key === "Backspace") undo();
    else return;
    event.preventDefault();
  });

  keep();
  draw();
})();
