// What moves on a page: figures that plotly draws, sliders over their frames, predictions that are answered and revealed.
"use strict";

const AT_ONCE = { mode: "immediate", frame: { duration: 0, redraw: true }, transition: { duration: 0 } };
const memory = {  // the reader's answers, on this device alone; a browser may forbid to keep them
  key: name => `rnn-to-attention ${document.body.dataset.page} ${name}`,
  read(name) { try { return localStorage.getItem(this.key(name)); } catch { return null; } },
  write(name, choice) { try { localStorage.setItem(this.key(name), choice); } catch { /* it stays until the page closes */ } },
};

for (const figure of document.querySelectorAll("figure[data-text]")) draw(figure);
for (const question of document.querySelectorAll("fieldset[data-predict]")) ask(question);

async function draw(figure) {
  const place = figure.querySelector(".plot"), slider = figure.querySelector("input[type=range]");
  const { data, layout, frames } = JSON.parse(figure.querySelector("script").textContent);
  if (!window.Plotly) return;  // the picture stays
  const drawing = document.createElement("div");
  drawing.style.height = `${layout.height}px`;
  drawing.setAttribute("role", "img");
  drawing.setAttribute("aria-label", figure.dataset.text);
  place.replaceChildren(drawing);
  await Plotly.newPlot(drawing, data, layout, { responsive: true, displayModeBar: false });
  if (!slider) return;
  await Plotly.addFrames(drawing, frames);
  const labels = JSON.parse(slider.dataset.labels), names = JSON.parse(slider.dataset.frames);
  const shown = slider.parentElement.querySelector("output");
  const move = () => {
    shown.textContent = labels[slider.value];
    slider.setAttribute("aria-valuetext", labels[slider.value]);
    return Plotly.animate(drawing, [names[slider.value]], AT_ONCE);
  };
  slider.addEventListener("input", move);
  slider.hidden = false;
  move();
}

function ask(question) {
  const name = question.dataset.predict;
  const outputs = document.querySelector(`[data-veil="${CSS.escape(name)}"]`);
  const outcome = document.querySelector(`[data-of="${CSS.escape(name)}"]`);
  const button = document.createElement("button");
  button.textContent = "Show what came out";
  const show = chosen => {
    if (outputs) outputs.hidden = false;
    button.parentElement?.remove();
    if (!outcome || !chosen) return;
    const right = chosen === outcome.dataset.outcome;
    outcome.querySelector(".comment").textContent =
      right ? "As you predicted." : `You predicted: ${chosen}. What made you think so?`;
    dispatchEvent(new Event("resize"));  // a figure that was hidden has no width yet
  };
  question.addEventListener("change", event => { memory.write(name, event.target.value); show(event.target.value); });
  const remembered = [...question.querySelectorAll("input")].find(input => input.value === memory.read(name));
  if (remembered) { remembered.checked = true; show(remembered.value); return; }
  if (!outputs) return;
  outputs.hidden = true;
  const veil = document.createElement("p");
  veil.className = "veil";
  veil.append("Predict first, above; or ", button);
  outputs.before(veil);
  button.addEventListener("click", () => { show(null); dispatchEvent(new Event("resize")); });
}
