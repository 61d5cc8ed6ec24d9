"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const id = (name) => document.getElementById(name);
  const figures = new Map();
  for (const figure of document.querySelectorAll("figure[data-cell]")) figures.set(figure.dataset.cell, figure);
  const viewer = id("viewer"), under = id("under"), over = id("over"), heat = id("heat"), slider = id("at");
  const hidden = data.axes.map(() => new Set());
  const state = { picture: null, view: "picture", at: 50 };

  // The state lives in the address, so that a view can be passed on.
  function write() {
    const parts = [];
    if (state.picture !== null) parts.push(`picture=${state.picture}`, `view=${state.view}`, `at=${state.at}`);
    const off = hidden.flatMap((values, axis) => [...values].map((value) => `${axis}.${value}`));
    if (off.length) parts.push(`hide=${off.join(",")}`);
    history.replaceState(null, "", parts.length ? `#${parts.join("&")}` : location.pathname + location.search);
  }

  function read() {
    const given = new URLSearchParams(location.hash.slice(1));
    for (const values of hidden) values.clear();
    for (const pair of (given.get("hide") || "").split(",")) {
      const [axis, value] = pair.split(".").map(Number);
      if (hidden[axis] && data.axes[axis].values[value] !== undefined) hidden[axis].add(value);
    }
    state.view = ["picture", "wipe", "heat"].includes(given.get("view")) ? given.get("view") : "picture";
    const at = Number(given.get("at"));
    state.at = given.has("at") && at >= 0 && at <= 100 ? at : 50;
    state.picture = figures.has(given.get("picture")) ? given.get("picture") : null;
  }

  function filter() {
    for (const [cell, figure] of figures) {
      figure.hidden = data.pictures[cell].at.some((value, axis) => hidden[axis].has(value));
    }
    const table = document.querySelector("table.matrix");
    const rows = [...table.tBodies[0].rows];
    const shown = (td) => td.tagName === "TD" && (td.classList.contains("missing") || [...td.children].some((one) => !one.hidden));
    for (const row of rows) row.hidden = ![...row.cells].some(shown);
    const columns = rows.length ? [...rows[0].cells].filter((one) => one.tagName === "TD").length : 0;
    for (let column = 1; column <= columns; ++column) {
      const of = (row) => row.cells[row.cells.length - column];
      const empty = !rows.some((row) => of(row) && shown(of(row)));
      for (const row of table.rows) if (of(row) && row.cells.length >= columns) of(row).hidden = empty;
    }
    for (const box of document.querySelectorAll("#filters input")) {
      box.checked = !hidden[Number(box.dataset.axis)].has(Number(box.dataset.value));
    }
  }

  function makeFilters() {
    const form = id("filters");
    data.axes.forEach((axis, a) => {
      const set = document.createElement("fieldset"), legend = document.createElement("legend");
      legend.textContent = axis.name;
      set.append(legend);
      axis.values.forEach((value, v) => {
        const label = document.createElement("label"), box = document.createElement("input");
        Object.assign(box, { type: "checkbox", checked: true });
        Object.assign(box.dataset, { axis: a, value: v });
        box.addEventListener("change", () => {
          box.checked ? hidden[a].delete(v) : hidden[a].add(v);
          filter();
          write();
        });
        label.append(box, ` ${value}`);
        set.append(label);
      });
      form.append(set);
    });
    form.hidden = data.axes.length === 0;
  }

  const image = (cell) => figures.get(String(cell)).querySelector("img");
  const partner = (cell) => {
    const to = data.pictures[cell].to;
    return to !== undefined && figures.has(String(to)) ? String(to) : null;
  };

  // Absolute differences, the largest channel of each pixel, from black over red to yellow and white.
  function drawHeat(a, b) {
    const width = a.naturalWidth, height = a.naturalHeight;
    const pixels = (source) => {
      const canvas = document.createElement("canvas");
      Object.assign(canvas, { width, height });
      const context = canvas.getContext("2d");
      context.drawImage(source, 0, 0);
      return context.getImageData(0, 0, width, height);
    };
    const x = pixels(a).data, y = pixels(b).data;
    Object.assign(heat, { width, height });
    const context = heat.getContext("2d"), out = context.createImageData(width, height);
    let most = 1;
    const apart = new Uint8Array(width * height);
    for (let i = 0; i < apart.length; ++i) {
      for (let c = 0; c < 3; ++c) apart[i] = Math.max(apart[i], Math.abs(x[4 * i + c] - y[4 * i + c]));
      most = Math.max(most, apart[i]);
    }
    for (let i = 0; i < apart.length; ++i) {
      const level = (apart[i] / most) * 3;
      out.data.set([255 * Math.min(level, 1), 255 * Math.min(Math.max(level - 1, 0), 1), 255 * Math.max(level - 2, 0), 255], 4 * i);
    }
    context.putImageData(out, 0, 0);
    return `White is the largest difference: ${most} of 255 levels.`;
  }

  function showHeat(cell, other) {
    try {
      id("note").textContent = drawHeat(image(other), image(cell));
      heat.hidden = false;
    } catch (error) {
      // Files beside the page may be shown, but their pixels may not be read.
      over.hidden = false;
      id("viewer").querySelector(".stage").classList.add("blend");
      id("note").textContent = "The difference as the browser blends it: pixels of files beside a page cannot be read.";
    }
  }

  function show() {
    const cell = state.picture;
    if (cell === null) {
      if (viewer.open) viewer.close();
      return;
    }
    const other = partner(cell), view = other === null ? "picture" : state.view;
    viewer.querySelector(".stage").classList.remove("blend");
    heat.hidden = over.hidden = true;
    id("note").textContent = "";
    under.src = image(view === "picture" ? cell : other).src;
    over.src = image(cell).src;
    if (view === "wipe") {
      over.hidden = false;
      over.style.clipPath = `inset(0 0 0 ${state.at}%)`;
      id("note").textContent = `left: ${data.pictures[other].label}; right: ${data.pictures[cell].label}`;
    } else {
      over.style.clipPath = "none";
    }
    if (view === "heat") Promise.all([image(other).decode(), image(cell).decode()]).then(() => showHeat(cell, other), () => showHeat(cell, other));
    slider.hidden = view !== "wipe";
    slider.value = state.at;
    id("views").hidden = other === null;
    for (const radio of viewer.querySelectorAll("input[name=view]")) radio.checked = radio.value === view;
    id("caption").textContent = data.pictures[cell].label;
    under.alt = data.pictures[view === "picture" ? cell : other].label;
    if (!viewer.open) viewer.showModal();
  }

  function change(values) {
    Object.assign(state, values);
    show();
    write();
  }

  function move(by) {
    const cells = [...figures].filter(([, figure]) => !figure.hidden).map(([cell]) => cell);
    if (cells.length) change({ picture: cells[(cells.indexOf(state.picture) + by + cells.length) % cells.length] });
  }

  function wipeTo(event) {
    const box = id("viewer").querySelector(".stage").getBoundingClientRect();
    const at = Math.round(((event.clientX - box.left) / box.width) * 100);
    change({ at: Math.min(100, Math.max(0, at)) });
  }

  function makeControls() {
    for (const [cell, figure] of figures) {
      const picture = figure.querySelector("img");
      Object.assign(picture, { tabIndex: 0 });
      picture.setAttribute("role", "button");
      const open = () => change({ picture: cell, view: partner(cell) === null ? "picture" : state.view });
      picture.addEventListener("click", open);
      picture.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        open();
      });
      const command = figure.querySelector(".command"), copy = document.createElement("button");
      Object.assign(copy, { type: "button", textContent: "copy the command" });
      copy.addEventListener("click", () => navigator.clipboard.writeText(command.textContent).then(() => { copy.textContent = "copied"; }));
      if (navigator.clipboard) command.after(copy);
    }
    id("previous").addEventListener("click", () => move(-1));
    id("next").addEventListener("click", () => move(1));
    id("close").addEventListener("click", () => change({ picture: null }));
    viewer.addEventListener("close", () => change({ picture: null }));
    slider.addEventListener("input", () => change({ at: Number(slider.value) }));
    for (const radio of viewer.querySelectorAll("input[name=view]")) {
      radio.addEventListener("change", () => change({ view: radio.value }));
    }
    viewer.addEventListener("keydown", (event) => {
      if (event.target.matches("input")) return;
      if (event.key === "ArrowLeft") move(-1);
      if (event.key === "ArrowRight") move(1);
    });
    const stage = viewer.querySelector(".stage");
    stage.addEventListener("pointerdown", (event) => {
      if (slider.hidden) return;
      stage.setPointerCapture(event.pointerId);
      wipeTo(event);
    });
    stage.addEventListener("pointermove", (event) => {
      if (!slider.hidden && event.buttons) wipeTo(event);
    });
  }

  makeFilters();
  makeControls();
  addEventListener("hashchange", () => { read(); filter(); show(); });
  read();
  filter();
  show();
})();
