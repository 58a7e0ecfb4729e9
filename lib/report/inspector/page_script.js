/**
 * What runs in the inspector's page: it is written into the page as its own source, so it uses nothing from outside.
 * The page is whole without it: it moves what is shown from one moment to another.
 */
export function runInspector() {
  const byId = (id) => document.getElementById(id);
  const data = JSON.parse(byId("inspection").textContent);
  const panels = [...document.querySelectorAll(".panel")];
  const controls = byId("controls");
  const slider = byId("moment");
  const sliderName = byId("moment-name");
  const sliderValue = byId("moment-value");
  const said = byId("token");
  const bits = [];
  let along = controls.dataset.along;
  let stops = [];
  let current = Number(controls.dataset.token);

  /** The bitmap of a head's rows. */
  const bitmap = (place) => bits[place] ??= Uint8Array.from(atob(data.bitmaps[place]), (one) => one.charCodeAt(0));
  const isHeld = (frame, head, token) => (bitmap(frame.kept[head])[token >> 3] >> (token & 7)) & 1;
  const heldHeads = (frame, token) => frame.kept.filter((_, head) => isHeld(frame, head, token)).length;
  const valueOf = (frame) => along === "ratio" ? frame.compression_ratio : frame.tokens;
  const inUnits = (bytes) =>
    bytes < 2 ** 20 ? `${(bytes / 2 ** 10).toFixed(1)} KiB` : `${(bytes / 2 ** 20).toFixed(1)} MiB`;
  const percent = (share) => `${(100 * share).toFixed(1)} %`;

  /** The frame that a track shows now: the one of this ratio, or the last one up to these tokens. */
  const frameOf = (track) => {
    const stop = stops[slider.valueAsNumber];
    if (along === "ratio") return track.frames.find((frame) => frame.compression_ratio === stop);
    return track.frames.findLast((frame) => frame.tokens <= stop);
  };

  /** The class of a share: 0 for none, 8 for all, and eighths between that are neither. */
  const levelOf = (heads, count) => {
    if (heads === 0 || heads === count) return heads === 0 ? "k0" : "k8";
    return `k${Math.min(7, Math.max(1, Math.round(8 * heads / count)))}`;
  };

  const element = (tag, properties, ...children) => {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  };

  /** The grid of a panel: a column a layer, a row a kv head. */
  const buildGrid = (panel) => {
    const grid = panel.querySelector(".grid");
    grid.style.setProperty("--layers", data.layers);
    const cells = [];
    for (let head = 0; head < data.kv_heads; head++) {
      grid.append(element("span", { className: "name", textContent: `kv ${head}` }));
      for (let layer = 0; layer < data.layers; layer++) {
        cells[layer * data.kv_heads + head] = grid.appendChild(document.createElement("i"));
      }
    }
    const ends = element("span", { className: "ends" });
    ends.append(element("span", { textContent: "layer 0" }), element("span", { textContent: String(data.layers - 1) }));
    grid.append(element("span", { className: "name" }), ends);
    return cells;
  };
  const grids = panels.map(buildGrid);

  /** Puts the tokens into a panel's text where they are not there yet. */
  const fillText = (panel) => {
    const text = panel.querySelector(".text");
    while (text.children.length > data.tokens.length) text.lastChild.remove();
    data.tokens.forEach((token, index) => {
      if (text.children[index]?.textContent === token) return;
      const span = element("span", { textContent: token });
      if (index < text.children.length) text.children[index].replaceWith(span);
      else text.append(span);
    });
  };
  panels.forEach(fillText);

  /** Layers and their kv heads that hold the current token, in words. */
  const inWords = (frame) => {
    const layers = [];
    for (let layer = 0; layer < data.layers; layer++) {
      const heads = [];
      for (let head = 0; head < data.kv_heads; head++) {
        if (isHeld(frame, layer * data.kv_heads + head, current)) heads.push(head);
      }
      if (heads.length > 0) {
        layers.push(heads.length === data.kv_heads ? `${layer}` : `${layer} (kv ${heads.join(", ")})`);
      }
    }
    return layers.length === 0 ? "no layer" : `layers ${layers.join(", ")}`;
  };

  const drawToken = () => {
    const parts = [];
    panels.forEach((panel, index) => {
      if (panel.hidden) return;
      const track = data.tracks[Number(panel.dataset.track)];
      const frame = frameOf(track);
      for (const marked of panel.querySelectorAll(".text .now")) marked.classList.remove("now");
      const span = panel.querySelector(".text").children[current];
      span?.classList.add("now");
      const grid = panel.querySelector(".grid");
      const isRead = frame !== undefined && current < frame.tokens;
      const heads = isRead ? heldHeads(frame, current) : 0;
      grids[index].forEach((cell, head) => {
        const held = isRead && isHeld(frame, head, current);
        cell.className = held ? "held" : isRead ? "gone" : "unread";
        const [layer, own] = [Math.floor(head / data.kv_heads), head % data.kv_heads];
        cell.title = `layer ${layer}, kv head ${own}: ${held ? "held" : isRead ? "gone" : "not read yet"}`;
      });
      const count = grids[index].length;
      const words = isRead ? `held by ${heads} of ${count} kv heads` : "not read yet";
      panel.querySelector(".held-by").textContent = words;
      grid.setAttribute("aria-label", isRead ? `${words}: ${inWords(frame)}` : words);
      parts.push(`${track.policy} ${isRead ? `${heads} of ${count}` : "not read yet"}`);
    });
    const text = panels[0]?.querySelector(".text").children[current]?.textContent ?? "";
    said.firstElementChild.textContent = `Token ${current + 1} of ${data.tokens.length}: “${text.trim() || text}”`;
    said.lastElementChild.textContent = `, held by kv heads: ${parts.join("; ")}.`;
  };

  const draw = () => {
    const stop = stops[slider.valueAsNumber];
    for (const panel of panels) {
      const track = data.tracks[Number(panel.dataset.track)];
      panel.hidden = track.along !== along;
      if (panel.hidden) continue;
      const frame = frameOf(track);
      const spans = panel.querySelector(".text").children;
      const heads = data.layers * data.kv_heads;
      let rows = 0;
      for (let token = 0; token < spans.length; token++) {
        if (frame === undefined || token >= frame.tokens) spans[token].className = "u";
        else {
          const held = heldHeads(frame, token);
          rows += held;
          spans[token].className = levelOf(held, heads);
        }
      }
      const bytes = frame?.live_bytes === undefined ? "" : `, ${inUnits(frame.live_bytes)}`;
      panel.querySelector(".kept").textContent = frame === undefined
        ? "nothing measured here"
        : `${percent(rows / (heads * frame.tokens))} of ${frame.tokens} tokens' rows${bytes}`;
      const answer = panel.querySelector(".answer");
      answer.hidden = frame?.answer === undefined;
      answer.querySelector("q").textContent = frame?.answer ?? "";
    }
    sliderValue.textContent = along === "ratio" ? `${stop}: ${percent(stop)} of rows evicted` : `${stop} tokens read`;
    slider.setAttribute("aria-valuetext", sliderValue.textContent);
    drawToken();
  };

  /** Takes a way of going along the moments: by ratio or over time. */
  const setAlong = (next, place) => {
    along = next;
    const own = data.tracks.filter((track) => track.along === along);
    stops = [...new Set(own.flatMap(({ frames }) => frames.map(valueOf)))].sort((one, other) => one - other);
    slider.max = stops.length - 1;
    slider.value = place ?? stops.length - 1;
    slider.disabled = stops.length < 2;
    sliderName.textContent = along === "ratio" ? "Compression ratio" : "Tokens read";
    draw();
  };

  const moveTo = (token, text) => {
    current = Math.min(data.tokens.length - 1, Math.max(0, token));
    drawToken();
    for (const panel of panels) {
      const box = panel.querySelector(".text");
      const span = box.children[current];
      // Where the mouse is, nothing moves under it.
      if (panel.hidden || span === undefined || box === text) continue;
      const above = span.offsetTop; // within the box, which its tokens are placed by
      if (above < box.scrollTop || above + span.offsetHeight > box.scrollTop + box.clientHeight) {
        box.scrollTop = above - box.clientHeight / 2;
      }
    }
  };

  /** The token nearest to the current one's middle in the line above or below it. */
  const nextLine = (text, step) => {
    const spans = text.children;
    const { offsetTop, offsetLeft, offsetWidth } = spans[current];
    const middle = offsetLeft + offsetWidth / 2;
    let line;
    let best = current;
    for (let token = current + step; token >= 0 && token < spans.length; token += step) {
      const span = spans[token];
      if (Math.abs(span.offsetTop - offsetTop) < 4) continue;
      line ??= span.offsetTop;
      if (Math.abs(span.offsetTop - line) > 4) break;
      const distance = (one) => Math.abs(one.offsetLeft + one.offsetWidth / 2 - middle);
      if (best === current || distance(span) < distance(spans[best])) best = token;
    }
    return best;
  };

  for (const panel of panels) {
    const text = panel.querySelector(".text");
    const tokenAt = (event) => {
      const span = event.target.closest?.(".text > span");
      return span ? [...text.children].indexOf(span) : -1;
    };
    for (const kind of ["pointerover", "click"]) {
      text.addEventListener(kind, (event) => {
        const token = tokenAt(event);
        if (token >= 0 && token !== current) moveTo(token, text);
      });
    }
    text.addEventListener("keydown", (event) => {
      if (event.altKey || event.ctrlKey || event.metaKey) return;
      const to = {
        ArrowLeft: () => current - 1,
        ArrowRight: () => current + 1,
        ArrowUp: () => nextLine(text, -1),
        ArrowDown: () => nextLine(text, 1),
        Home: () => 0,
        End: () => data.tokens.length - 1,
      }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      moveTo(to());
    });
  }
  slider.addEventListener("input", draw);
  for (const radio of controls.querySelectorAll("input[type=radio]")) {
    radio.addEventListener("change", () => {
      setAlong(radio.value);
      moveTo(current);
    });
  }
  controls.addEventListener("submit", (event) => event.preventDefault());
  controls.hidden = false;
  document.body.classList.add("live");
  setAlong(along, controls.dataset.stop);
  moveTo(current);

  if (document.body.dataset.events === undefined) return;
  // A conversation that goes on: each event brings its tokens and one moment more.
  const MOST_FRAMES = 400;
  const state = byId("state");
  const events = new EventSource(document.body.dataset.events);
  events.onopen = () => state.textContent = "Live: the page follows the conversation.";
  events.onerror = () =>
    state.textContent = "The conversation has ended, or its program does not answer: nothing new comes.";
  events.onmessage = ({ data: text }) => {
    const news = JSON.parse(text);
    const goesOn = data.tokens.every((token, index) => token === news.tokens[index]);
    const follows = slider.valueAsNumber === stops.length - 1;
    const first = data.bitmaps.length;
    const [track] = data.tracks;
    const [{ frames, policy }] = news.tracks;
    const added = frames.map((frame) => ({ ...frame, kept: frame.kept.map((place) => first + place) }));
    data.bitmaps.push(...news.bitmaps);
    data.tokens = news.tokens;
    track.policy = policy;
    // What was taken back is another text.
    const before = goesOn ? track.frames.filter((frame) => frame.tokens !== added[0].tokens) : [];
    track.frames = [...before, ...added].slice(-MOST_FRAMES);
    for (const panel of panels) {
      panel.querySelector("h3").textContent = policy;
      const box = panel.querySelector(".text");
      const atEnd = box.scrollTop + box.clientHeight > box.scrollHeight - 40;
      fillText(panel);
      if (atEnd) box.scrollTop = box.scrollHeight;
    }
    current = Math.min(current, data.tokens.length - 1);
    setAlong("tokens", follows ? undefined : slider.value);
  };
}
