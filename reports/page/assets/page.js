"use strict";
// The look, the plots, the keys and the printing of the page. What a plot needs beyond that hears `edgewatt:drawn`.
(() => {
  const root = document.documentElement;
  const plots = new Map(); // id -> {views, models, figures, place}
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const coarse = matchMedia("(pointer: coarse)").matches;
  const choice = document.getElementById("theme");
  const stored = { get: () => { try { return localStorage.getItem("edgewatt-theme"); } catch { return null; } },
                   set: (value) => { try { localStorage.setItem("edgewatt-theme", value); } catch { /* a private window */ } } };

  const colours = () => {
    const style = getComputedStyle(root);
    const of = (name) => style.getPropertyValue(name).trim();
    return { ink: of("--ink"), muted: of("--muted"), line: of("--line"), grid: of("--grid"), paper: of("--paper"), raised: of("--raised") };
  };

  const LOOKS = [
    [/^(Figure|Plot|GridPlot)$/, (c) => ({ background_fill_color: c.paper, border_fill_color: c.paper, outline_line_color: c.line })],
    [/Axis$/, (c) => ({ axis_label_text_color: c.muted, major_label_text_color: c.muted, axis_line_color: c.line, major_tick_line_color: c.line, minor_tick_line_color: null })],
    [/^Grid$/, (c) => ({ grid_line_color: c.grid })],
    [/^Title$/, (c) => ({ text_color: c.ink })],
    [/^Legend$/, (c) => ({ label_text_color: c.ink, title_text_color: c.ink, background_fill_color: c.paper, background_fill_alpha: 0.85, border_line_color: c.line })],
    [/^(Label|LabelSet)$/, (c) => ({ text_color: c.ink })],
  ];
  const paint = (models) => {
    const c = colours();
    for (const model of models)
      for (const [type, look] of LOOKS) if (type.test(model.type)) model.setv(look(c));
  };
  const choose = (value) => {
    root.dataset.theme = value === "auto" ? (dark.matches ? "dark" : "light") : value;
    for (const { models } of plots.values()) paint(models);
  };

  // Bokeh asks the browser for a style of its own (--bk-...) at each grid and axis of each frame, and the browser works
  // out the styles of the whole page for it. There is none here.
  const hurry = (view) => {
    let of = view?.visuals?.outline_line;
    while (of && !Object.hasOwn(of, "_get_css_value")) of = Object.getPrototypeOf(of);
    if (of) of._get_css_value = () => "";
    if (view?.base_font_size) Object.defineProperty(view, "base_font_size", { value: view.base_font_size });
  };

  // Names of bars beside which a narrow screen still has room for the bars; the table tells them whole. Names that only differ further on take two lines.
  const NARROW = 640, SHORT = 14;
  const shorten = (models) => {
    for (const model of models)
      if (model.type === "CategoricalTickFormatter")
        model.doFormat = (names) => {
          const cut = [...names].map((name) => {
            const letters = [...String(name)];
            return innerWidth < NARROW && letters.length > SHORT ? `${letters.slice(0, SHORT - 1).join("")}…` : name;
          });
          if (new Set(cut).size === cut.length || innerWidth >= NARROW) return cut;
          return [...names].map((name) => String(name).replace(/: |, /, (sign) => `${sign.trim()}\n`));
        };
  };

  const json = (id) => JSON.parse(document.getElementById(id).textContent);
  const draw = async (place) => {
    const id = place.dataset.plot;
    place.id = `canvas-${id}`;
    const manager = await Bokeh.embed.embed_item(json(`item-${id}`), place.id);
    const views = [...manager.roots];
    const models = [...views[0].model.document.all_models];
    shorten(models);
    const figures = models.filter((model) => model.type === "Figure");
    for (const figure of figures) hurry(views[0].owner.find_one(figure));
    paint(models);
    // A finger that lands on a plot has to scroll the page; buttons zoom.
    if (coarse) for (const model of models) if (/^(Pan|BoxZoom|WheelZoom)Tool$/.test(model.type)) model.active = false;
    const drawn = { views, models, figures, place, home: figures.map(ranges) };
    plots.set(id, drawn);
    document.dispatchEvent(new CustomEvent("edgewatt:drawn", { detail: { id, ...drawn } }));
  };

  const ranges = (figure) => ["x_range", "y_range"].map((of) => [figure[of].start, figure[of].end]);
  const moved = (range, move) => {
    if (!/^(Range1d|DataRange1d)$/.test(range.type)) return;
    const [low, high] = range.bounds?.length === 2 ? range.bounds : [-Infinity, Infinity];
    let [start, end] = move(range.start, range.end);
    const width = Math.min(end - start, high - low);
    start = Math.min(Math.max(start, low), high - width);
    end = start + width;
    if (width > 0 && Number.isFinite(start) && Number.isFinite(end)) range.setv({ start, end });
  };
  const follows = (figure) => figure.tags.includes("follows"); // another one's axis, a few frames later
  const SHIFTS = { left: -0.2, right: 0.2 };
  const FACTORS = { in: 1 / 1.6, out: 1.6 };
  const act = (id, what) => {
    const plot = plots.get(id);
    if (!plot) return;
    const seen = new Set();
    plot.figures.forEach((figure, place) => {
      if (what === "all") {
        ["x_range", "y_range"].forEach((of, which) => {
          if (follows(figure) && of === "x_range") return;
          const [start, end] = plot.home[place][which];
          if (/^(Range1d|DataRange1d)$/.test(figure[of].type) && Number.isFinite(start)) figure[of].setv({ start, end });
        });
        return;
      }
      const range = figure.x_range;
      if (follows(figure) || seen.has(range)) return;
      seen.add(range);
      moved(range, (start, end) => {
        const width = end - start;
        if (what in SHIFTS) return [start + SHIFTS[what] * width, end + SHIFTS[what] * width];
        const middle = (start + end) / 2, half = (width * FACTORS[what]) / 2;
        return [middle - half, middle + half];
      });
    });
  };
  const KEYS = { ArrowLeft: "left", ArrowRight: "right", "+": "in", "=": "in", "-": "out", "0": "all", Home: "all" };
  document.addEventListener("keydown", (event) => {
    const place = event.target.closest?.("[data-plot]");
    const what = KEYS[event.key];
    if (!place || !what || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act(place.dataset.plot, what);
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("button[data-do]");
    if (button && button.dataset.do !== "fit") act(button.dataset.for, button.dataset.do);
  });

  // Paper gets pictures of the plots: light, as wide as the page, in whatever size the window was.
  const pictures = () => {
    const was = root.dataset.theme;
    root.dataset.theme = "light";
    for (const { models, figures, views, place } of plots.values()) {
      paint(models);
      place.parentElement.querySelectorAll(".printed").forEach((old) => old.remove());
      for (const figure of figures) {
        const view = views[0].owner.find_one(figure);
        if (!view) continue;
        view.paint?.();
        const image = new Image();
        image.className = "printed";
        image.alt = place.getAttribute("aria-label");
        image.src = view.export("png").canvas.toDataURL();
        place.before(image);
      }
    }
    root.dataset.theme = was;
    for (const { models } of plots.values()) paint(models);
  };
  addEventListener("beforeprint", pictures);

  choice.value = stored.get() ?? "auto";
  if (!choice.value) choice.value = "auto";
  choose(choice.value);
  choice.addEventListener("change", () => { stored.set(choice.value); choose(choice.value); });
  dark.addEventListener("change", () => { if (choice.value === "auto") choose("auto"); });
  window.edgewatt = { plots, act, moved, json, pictures };
  // What is on the screen is drawn first, the rest as nothing else is to do: wherever somebody scrolls to comes next.
  const away = (place) => {
    const { top, bottom } = place.getBoundingClientRect();
    return Math.max(top - innerHeight, -bottom, 0);
  };
  const idle = () => new Promise((done) => (window.requestIdleCallback ? requestIdleCallback(done, { timeout: 100 }) : setTimeout(done)));
  window.edgewatt.ready = (async () => {
    const waiting = new Set(document.querySelectorAll("[data-plot]"));
    while (waiting.size) {
      const next = [...waiting].reduce((first, place) => (away(place) < away(first) ? place : first));
      waiting.delete(next);
      await draw(next);
      if (away(next) > 0) await idle();
    }
    root.dataset.ready = "true";
  })();
})();
