"use strict";
// Whatever a device says arrives as text and is put down as text: no markup is ever made from it.
const SVG = "http://www.w3.org/2000/svg";
const HEIGHT = 30;
// A curve comes as whole numbers from 0 to this, and below 0 where no sample came.
const STEPS = 1000;
let held = false;
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
    return { value, svg, band, mean, energy };
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
  return { box, mark, name, status, facts, table, key: null, cells: [] };
}

function path(points, from, to) {
  return points.slice(from, to).map(([x, y], at) => `${at ? "L" : "M"}${x} ${y.toFixed(2)}`).join("");
}

function draw(cell, line) {
  const height = (v) => HEIGHT - 1 - (v / STEPS) * (HEIGHT - 2);
  const bands = [];
  const means = [];
  let from = 0;
  // A second without a sample breaks the curve: a gap is shown, never bridged.
  for (let at = 0; at <= line.mean.length; at += 1) {
    if (at < line.mean.length && line.mean[at] >= 0) continue;
    if (at > from) {
      const up = [];
      const down = [];
      const mid = [];
      for (let k = from; k < at; k += 1) {
        for (const x of [k, k + 1]) {
          up.push([x, Math.min(height(line.high[k]), height(line.low[k]) - 0.5)]);
          down.push([x, height(line.low[k])]);
          mid.push([x, height(line.mean[k])]);
        }
      }
      bands.push(path([...up, ...down.reverse()], 0) + "Z");
      means.push(path(mid, 0));
    }
    from = at + 1;
  }
  cell.svg.setAttribute("viewBox", `0 0 ${line.mean.length} ${HEIGHT}`);
  cell.band.setAttribute("d", bands.join(""));
  cell.mean.setAttribute("d", means.join(""));
  const gaps = line.mean.filter((v) => v < 0).length;
  cell.svg.setAttribute("aria-label", `${line.name}: now ${line.value}; ${gaps} of ${line.mean.length} seconds without samples`);
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
    device.lines.forEach((line, k) => {
      put(one.cells[k].value, line.value);
      put(one.cells[k].energy, line.energy ?? "");
      draw(one.cells[k], line);
    });
  });
}

function listen() {
  const link = document.getElementById("link");
  const source = new EventSource("/events");
  source.onmessage = (event) => {
    put(link, held ? "held" : "live");
    if (!held) show(JSON.parse(event.data));
  };
  source.addEventListener("end", () => {
    source.close();
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
});
listen();
runs();
setInterval(runs, 15000);
