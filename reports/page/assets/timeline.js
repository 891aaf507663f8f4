"use strict";
// Timelines: unpack each series, build levels of it that are twice as coarse each, and draw the one that the screen can show.
(() => {
  const NONE = 65535, TIMES = 2 ** 32 - 1;
  const COLUMNS = 700; // elements of a series on a screen: each has a band, so that no more can be told apart
  const bytes = (text) => {
    const plain = atob(text), found = new Uint8Array(plain.length);
    for (let i = 0; i < plain.length; i++) found[i] = plain.charCodeAt(i);
    return found.buffer;
  };

  const unpacked = (packed, span) => {
    const steps = new Uint32Array(bytes(packed.t)), t = new Float64Array(steps.length);
    for (let i = 0; i < t.length; i++) t[i] = (steps[i] * span) / TIMES;
    const values = (name) => {
      const coded = new Uint16Array(bytes(packed[name])), found = new Float32Array(coded.length);
      for (let i = 0; i < found.length; i++) found[i] = coded[i] === NONE ? NaN : packed.from + coded[i] * packed.step;
      return found;
    };
    if (packed.value) {
      const value = new Float32Array(bytes(packed.value));
      return { t, low: value, high: value, mean: value };
    }
    return { t, low: values("low"), high: values("high"), mean: values("mean") };
  };

  const coarser = ({ t, low, high, mean }) => {
    const n = Math.ceil(mean.length / 2);
    const next = { t: new Float64Array(n + 1), low: new Float32Array(n), high: new Float32Array(n), mean: new Float32Array(n) };
    for (let i = 0; i < n; i++) {
      const a = 2 * i, b = Math.min(a + 1, mean.length - 1);
      next.t[i] = t[a];
      if (Number.isNaN(mean[a]) || Number.isNaN(mean[b])) {
        const one = Number.isNaN(mean[a]) ? b : a;
        next.low[i] = low[one]; next.high[i] = high[one]; next.mean[i] = mean[one];
      } else {
        const first = t[a + 1] - t[a], second = b > a ? t[b + 1] - t[b] : 0, both = first + second;
        next.low[i] = Math.min(low[a], low[b]); next.high[i] = Math.max(high[a], high[b]);
        next.mean[i] = both > 0 ? (mean[a] * first + mean[b] * second) / both : (mean[a] + mean[b]) / 2;
      }
    }
    next.t[n] = t[t.length - 1];
    return next;
  };
  const levels = (finest) => {
    const all = [finest];
    while (all[all.length - 1].mean.length > 512) all.push(coarser(all[all.length - 1]));
    return all;
  };

  const place = (t, x) => { // the last element that begins at or before x
    let low = 0, high = t.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (t[middle] <= x) low = middle; else high = middle - 1;
    }
    return low;
  };
  const ideal = (all, x0, x1, width) => { // the finest level with no more elements than the screen has columns
    const { t } = all[0];
    const count = place(t, x1) - place(t, x0);
    let level = 0;
    while (level + 1 < all.length && count >> level > width) level++;
    return level;
  };
  const seen = (all, level, x0, x1) => {
    const of = all[level], n = of.mean.length;
    return { of, level, x0, x1, from: Math.max(place(of.t, x0) - 1, 0), to: Math.min(place(of.t, x1) + 2, n) };
  };
  // What was handed to Bokeh reaches beyond the screen, and serves until that is left, or is too coarse or far too fine.
  const serves = (drawn, level, x0, x1) => drawn !== null && x0 >= drawn.x0 && x1 <= drawn.x1 && level >= drawn.level && level <= drawn.level + 1;

  // The corners of what is drawn. Where there is nothing the band shrinks to no height and the line breaks off.
  const corners = ({ of, level, from, to }, flat) => {
    const { t, low, high, mean } = of, steps = flat || level > 0;
    // In steps of a size, so that Bokeh mostly finds as many rows as before; what is left over repeats the end, unseen.
    const most = Math.ceil((2 * (to - from) + 2) / 1024) * 1024;
    const x = new Float64Array(most), bottom = new Float64Array(most), top = new Float64Array(most), line = new Float64Array(most);
    let k = 0, last = 0;
    const put = (at, a, b, c) => { x[k] = at; bottom[k] = a; top[k] = b; line[k++] = c; };
    for (let i = from; i < to; i++) {
      if (Number.isNaN(mean[i])) { put(t[i], last, last, NaN); put(t[i + 1], last, last, NaN); continue; }
      last = mean[i];
      put(t[i], low[i], high[i], last);
      if (steps) put(t[i + 1], low[i], high[i], last);
    }
    const end = k ? x[k - 1] : 0;
    while (k < most) put(end, last, last, NaN);
    return { x, low: bottom, high: top, mean: line };
  };

  const SHOWN = new Intl.NumberFormat("en", { maximumSignificantDigits: 4, useGrouping: false });
  const told = ({ of, from, to }, x0, x1) => {
    let low = Infinity, high = -Infinity, sum = 0, time = 0;
    for (let i = from; i < to; i++) {
      const begin = Math.max(of.t[i], x0), end = Math.min(of.t[i + 1], x1);
      if (Number.isNaN(of.mean[i]) || end < begin || (end === begin && x1 > x0 && of.t[i + 1] > of.t[i])) continue;
      low = Math.min(low, of.low[i]); high = Math.max(high, of.high[i]);
      const weight = Math.max(end - begin, 1e-12);
      sum += of.mean[i] * weight; time += weight;
    }
    return time ? { low, high, mean: sum / time } : null;
  };

  const timeline = (id, { models, figures }) => {
    const data = edgewatt.json(`data-${id}`);
    const named = (name) => models.find((model) => model.name === name);
    const series = Object.entries(data.series).map(([name, packed]) => ({
      name, flat: packed.flat, levels: levels(unpacked(packed, data.span)), source: named(name),
      glyphs: [named(`${name}-band`), named(`${name}-line`)], drawn: null, shown: true,
      figure: figures.find((figure) => figure.renderers.some((one) => one.name === `${name}-line`)),
      shows: document.querySelector(`[data-seen="${name}"]`),
    }));
    const range = figures[0].x_range, home = figures.map(({ y_range }) => [y_range.start, y_range.end]);
    const inside = (one) => seen(one.levels, ideal(one.levels, range.start, range.end, 800), range.start, range.end);
    let fits = false, asked = 0, later = 0;

    const fill = (figure) => {
      const { start: x0, end: x1 } = range, width = Math.min(Math.max(figures[0].inner_width || 600, 200), COLUMNS);
      const more = (x1 - x0) / 2, begin = x0 - more > 0 ? x0 - more : -1, end = x1 + more < data.span ? x1 + more : data.span + 1;
      for (const one of series) {
        if (one.figure !== figure) continue;
        const level = ideal(one.levels, x0, x1, width);
        if (!one.shown || serves(one.drawn, level, x0, x1)) continue;
        one.drawn = seen(one.levels, level, begin, end);
        one.source.data = corners(one.drawn, one.flat);
      }
    };
    const update = () => {
      asked = 0;
      fill(figures[0]);
      if (fits) fit();
      clearTimeout(later);
      later = setTimeout(tell, 150);
    };
    const fit = () => figures.forEach((figure, which) => {
      const mine = series.filter((one) => one.figure === figure && one.shown).map((one) => told(inside(one), range.start, range.end)).filter(Boolean);
      if (!mine.length) return;
      const low = Math.min(...mine.map((one) => one.low)), high = Math.max(...mine.map((one) => one.high));
      const room = (high - low) * 0.08 || Math.abs(high) * 0.05 || 1;
      figure.y_range.setv(fits ? { start: low - room, end: high + room } : { start: home[which][0], end: home[which][1] });
    });
    const tell = () => {
      const words = [];
      for (const one of series) {
        const found = told(inside(one), range.start, range.end);
        const unit = one.shows?.dataset.unit ?? "";
        const text = found ? `${SHOWN.format(found.mean)} ${unit} (${SHOWN.format(found.low)} to ${SHOWN.format(found.high)})` : "nothing here";
        if (one.shows) one.shows.textContent = text;
        words.push(`${one.shows?.parentElement.querySelector("bdi")?.textContent ?? ""}: ${text}`);
      }
      const output = document.querySelector(`[data-said="${id}"]`);
      if (output) output.textContent = `From ${SHOWN.format(range.start)} to ${SHOWN.format(range.end)} seconds. ${words.slice(0, 3).join("; ")}`;
    };
    const ask = () => { asked ||= requestAnimationFrame(update); };
    // The first panel moves with the hand; of the others one catches up every other frame, so that no frame takes long.
    const behind = figures.slice(1).map((figure) => figure.x_range);
    let turn = 0, catching = 0;
    const soon = () => { catching = requestAnimationFrame(() => { catching = requestAnimationFrame(catchUp); }); };
    const isBehind = (other) => other.start !== range.start || other.end !== range.end;
    const catchUp = () => {
      catching = 0;
      for (let k = 0; k < behind.length; k++) {
        const other = behind[(turn + k) % behind.length];
        if (!isBehind(other)) continue;
        turn = (turn + k + 1) % behind.length;
        other.setv({ start: range.start, end: range.end });
        fill(figures.find((figure) => figure.x_range === other));
        break;
      }
      if (behind.some(isBehind)) soon();
    };
    const moves = () => { ask(); if (!catching) soon(); };
    range.properties.start.change.connect(moves);
    range.properties.end.change.connect(moves);
    for (const other of behind) {
      const lead = () => { if (!catching && isBehind(other)) range.setv({ start: other.start, end: other.end }); };
      other.properties.start.change.connect(lead);
      other.properties.end.change.connect(lead);
    }
    const all = () => { figures.forEach(fill); ask(); };
    figures[0].properties.inner_width.change.connect(all);
    all();

    document.addEventListener("click", (event) => {
      const button = event.target.closest?.("button[data-for]");
      if (button?.dataset.for !== id) return;
      if (button.dataset.series) {
        const one = series.find(({ name }) => name === button.dataset.series);
        const visible = button.getAttribute("aria-pressed") !== "true";
        button.setAttribute("aria-pressed", String(visible));
        one.shown = visible;
        for (const glyph of one.glyphs) glyph.visible = visible;
        all();
      } else if (button.dataset.do === "fit") {
        fits = !fits;
        button.setAttribute("aria-pressed", String(fits));
        if (fits) fit(); else figures.forEach(({ y_range }, which) => y_range.setv({ start: home[which][0], end: home[which][1] }));
      }
    });
    document.querySelector(`[data-jump="${id}"]`)?.addEventListener("change", ({ target }) => {
      const [begin, end] = target.value.split(" ").map(Number);
      const room = Math.max((end - begin) * 0.1, data.span * 1e-6);
      if (target.value) edgewatt.moved(range, () => [begin - room, end + room]);
    });
  };
  document.addEventListener("edgewatt:drawn", ({ detail }) => {
    if (document.getElementById(`data-${detail.id}`) && detail.id.startsWith("timeline-")) timeline(detail.id, detail);
  });
})();
