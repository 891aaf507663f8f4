"use strict";
// Whatever a device says arrives as text and is put down as text: no markup is ever made from it.
const SVG = "http://www.w3.org/2000/svg";
const HEIGHT = 30;
// So many seconds are drawn; null where no sample came. An event brings the newest of them, or all.
const BINS = 90;
const CURVES = ["mean", "low", "high"];
let held = false;
let source = null;
let shown = [];

function element(name, text, className) {
  const made = document.createElement(name);
  if (text !== undefined) made.textContent = text;
  if (className) made.className = className;
  return made;
}

function put(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function rows(lines) {
  const body = element("tbody");
  const cells = lines.map((line) => {
    const row = element("tr");
    const name = element("th", line.name + " ");
    name.scope = "row";
    name.append(element("small", line.what));
    const value = element("td", "", "value");
    const spark = element("td", undefined, "spark");
    const svg = document.createElementNS(SVG, "svg");
    svg.setAttribute("preserveAspectRatio", "none");
    svg.setAttribute("role", "img");
    const band = document.createElementNS(SVG, "path");
    band.setAttribute("class", "band");
    const mean = document.createElementNS(SVG, "path");
    mean.setAttribute("class", "mean");
    svg.append(band, mean);
    spark.append(svg);
    const energy = element("td", "", "energy");
    row.append(name, value, spark, energy);
    body.append(row);
    const kept = Object.fromEntries(CURVES.map((of) => [of, Array(BINS).fill(null)]));
    return { value, svg, band, mean, energy, kept };
  });
  return { body, cells };
}

function panel(device) {
  const box = element("article");
  const title = element("h2");
  const mark = element("span", "SIMULATED", "simulated");
  const name = element("span");
  title.append(mark, " ", name);
  const status = element("p", "", "status");
  const facts = element("p", "", "facts");
  const table = element("table");
  const head = element("thead");
  const headRow = element("tr");
  for (const text of ["Channel", "Now", "Last 90 s, least to most", "Energy"]) {
    const cell = element("th", text);
    cell.scope = "col";
    headRow.append(cell);
  }
  head.append(headRow);
  table.append(head);
  box.append(title, status, facts, table);
  return { box, mark, name, status, facts, table, key: null, cells: [], second: 0 };
}

function path(points, from, to) {
  return points.slice(from, to).map(([x, y], at) => `${at ? "L" : "M"}${x} ${y.toFixed(2)}`).join("");
}

function keep(cell, line, moved) {
  for (const of of CURVES) {
    const kept = cell.kept[of].slice(moved);
    while (kept.length < BINS) kept.push(null);
    kept.splice(BINS - line[of].length, line[of].length, ...line[of]);
    cell.kept[of] = kept;
  }
}

function draw(cell, line) {
  const { mean, low, high } = cell.kept;
  const least = Math.min(...low.filter((v) => v !== null));
  const span = Math.max(...high.filter((v) => v !== null)) - least;
  const height = (v) => HEIGHT - 1 - (span > 0 ? (v - least) / span : 0.5) * (HEIGHT - 2);
  const bands = [];
  const means = [];
  let from = 0;
  // A second without a sample breaks the curve: a gap is shown, never bridged.
  for (let at = 0; at <= BINS; at += 1) {
    if (at < BINS && mean[at] !== null) continue;
    if (at > from) {
      const up = [];
      const down = [];
      const mid = [];
      for (let k = from; k < at; k += 1) {
        for (const x of [k, k + 1]) {
          up.push([x, Math.min(height(high[k]), height(low[k]) - 0.5)]);
          down.push([x, height(low[k])]);
          mid.push([x, height(mean[k])]);
        }
      }
      bands.push(path([...up, ...down.reverse()], 0) + "Z");
      means.push(path(mid, 0));
    }
    from = at + 1;
  }
  cell.svg.setAttribute("viewBox", `0 0 ${BINS} ${HEIGHT}`);
  cell.band.setAttribute("d", bands.join(""));
  cell.mean.setAttribute("d", means.join(""));
  const gaps = mean.filter((v) => v === null).length;
  cell.svg.setAttribute("aria-label", `${line.name}: now ${line.value}; ${gaps} of ${BINS} seconds without samples`);
}

function show(view) {
  const box = document.getElementById("devices");
  document.getElementById("simulated").hidden = !view.simulated;
  while (shown.length > view.devices.length) shown.pop().box.remove();
  view.devices.forEach((device, at) => {
    if (at >= shown.length) {
      shown.push(panel(device));
      box.append(shown[at].box);
    }
    const one = shown[at];
    one.mark.hidden = !device.simulated;
    put(one.name, device.simulated ? device.name.replace(/^SIMULATED /, "") : device.name);
    put(one.status, `${device.label}: ${device.status}`);
    one.status.className = `status ${device.state === "connected" ? "good" : "bad"}`;
    put(one.facts, [device.rate, device.lost, device.clock].filter(Boolean).join(" · "));
    const key = JSON.stringify(device.lines.map((line) => [line.name, line.what]));
    if (key !== one.key) {
      const made = rows(device.lines);
      one.table.tBodies[0]?.remove();
      one.table.append(made.body);
      one.table.hidden = !device.lines.length;
      one.cells = made.cells;
      one.key = key;
    }
    const moved = Math.min(Math.max(view.second - one.second, 0), BINS);
    one.second = view.second;
    device.lines.forEach((line, k) => {
      put(one.cells[k].value, line.value);
      put(one.cells[k].energy, line.energy ?? "");
      keep(one.cells[k], line, moved);
      draw(one.cells[k], line);
    });
  });
}

function listen() {
  const link = document.getElementById("link");
  source?.close();
  source = new EventSource("/events");
  source.onmessage = (event) => {
    put(link, held ? "held" : "live");
    if (!held) show(JSON.parse(event.data));
  };
  source.addEventListener("end", () => {
    source.close();
    document.getElementById("hold").disabled = true; // nobody is there to go on with
    put(link, "the watch ended");
  });
  source.onerror = () => put(link, "no connection to edgewatt watch; trying again");
}

async function runs() {
  const answer = await fetch("/runs.json");
  if (!answer.ok) return;
  const found = await answer.json();
  if (!found.folder) return;
  document.getElementById("runs").hidden = false;
  const body = document.getElementById("runs-rows");
  body.replaceChildren(...found.runs.map((run) => {
    const row = element("tr");
    const name = element("th");
    name.scope = "row";
    const anchor = element("a", run.name);
    anchor.href = run.href;
    if (run.simulated) name.append(element("span", "SIMULATED", "simulated"), " ");
    name.append(anchor);
    row.append(name, element("td", run.device), element("td", run.created), element("td", run.status));
    return row;
  }));
  put(document.getElementById("runs-note"), found.note);
}

document.getElementById("hold").addEventListener("click", (event) => {
  held = !held;
  event.target.setAttribute("aria-pressed", String(held));
  event.target.textContent = held ? "Go on" : "Hold";
  put(document.getElementById("link"), held ? "held" : "live");
  if (!held) listen(); // what came meanwhile comes with the first event
});
listen();
runs();
setInterval(runs, 15000);
