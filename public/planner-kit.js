// What the planner's pages share: questions to its worker, and a chart of points over two logarithmic axes.
const version = new URL(import.meta.url).search;
const beside = (file) => import(new URL(`./${file}${version}`, import.meta.url).href);
const [{ startWorker }, { csv, digits, element, keep, picture, styled, svg, table, ticks, tools }] = await Promise.all(['start-worker.js', 'report-kit.js'].map(beside));

// ---- questions

let worker = null;
let next = 0;
const open = new Map();
function drop(text) {
  worker?.terminate();
  worker = null;
  for (const { reject } of open.values()) reject(new Error(text));
  open.clear();
}
function start() {
  if (worker) return worker;
  worker = startWorker('planner-loader.js');
  worker.onmessage = ({ data: [id, word, content] }) => {
    if (word === 'trap') return drop(`The planner stopped: ${content} Your settings are kept. Try again: a new one starts.`);
    const waiting = open.get(id);
    if (!waiting) return undefined;
    if (word === 'progress') return waiting.progress?.(content);
    open.delete(id);
    return word === 'done' ? waiting.resolve(content) : waiting.reject(new Error(content));
  };
  worker.onerror = () => drop('The planner could not be loaded. Check the connection and try again.');
  return worker;
}
/** Asks the planner; `progress` hears of long answers. */
export function ask(kind, content, progress) {
  return new Promise((resolve, reject) => {
    next += 1;
    open.set(next, { resolve, reject, progress });
    start().postMessage([next, kind, content]);
  });
}
/** Ends every question; the next one starts a new worker. */
export const stopAll = () => drop('Stopped.');

// ---- quantities

const steps = (list) => (value) => {
  const [size, unit] = list.find(([least]) => Math.abs(value) >= least) ?? list.at(-1);
  return `${digits(value / size)} ${unit}`;
};
export const seconds = steps([[86_400 * 365.25, 'years'], [86_400, 'days'], [3_600, 'h'], [60, 'min'], [1, 's'], [1e-3, 'ms'], [1e-6, 'µs']]);
export const bytes = steps([[2 ** 40, 'TiB'], [2 ** 30, 'GiB'], [2 ** 20, 'MiB'], [2 ** 10, 'KiB'], [1, 'B']]);
export const energy = steps([[3.6e12, 'GWh'], [3.6e9, 'MWh'], [3.6e6, 'kWh'], [3.6e3, 'Wh'], [1, 'J']]);
const dollars = new Intl.NumberFormat('en', { style: 'currency', currency: 'USD', maximumSignificantDigits: 3, notation: 'compact' });
export const usd = (value) => dollars.format(value);

// ---- points

const FRAME = { left: 72, right: 24, top: 24, bottom: 44 };
export const MARKS = 8;
// A shape for each group, so that colour is never the only sign.
function shape(number, x, y, size = 4) {
  const kind = number % 4;
  const attributes = { class: `m${number % MARKS}`, 'data-group': number };
  if (kind === 0) return svg('circle', { ...attributes, cx: x, cy: y, r: size });
  if (kind === 1) return svg('rect', { ...attributes, x: x - size, y: y - size, width: 2 * size, height: 2 * size });
  const d = kind === 2 ? [[0, -1.3], [1.2, 1], [-1.2, 1]] : [[0, -1.4], [1.4, 0], [0, 1.4], [-1.4, 0]];
  return svg('polygon', { ...attributes, points: d.map(([a, b]) => `${x + a * size},${y + b * size}`).join(' ') });
}
const large = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 });
const short = (value) => (Math.abs(value) >= 1e5 ? large.format(value) : value !== 0 && Math.abs(value) < 0.001 ? value.toExponential(0) : digits(value));
/**
 * Points over two logarithmic axes. `groups` is `[[name, [{ x, y, words, low, high, row }, ...]], ...]`; `diagonal` draws
 * where both are equal; `chosen` is called with a point that was clicked or entered. Arrow keys walk along x.
 */
export function scatter(heading, { axes, groups, columns, diagonal = false, chosen = null, file = 'ridgepoint' }) {
  const chart = svg('svg', { role: 'img', tabindex: 0, 'data-testid': 'scatter' });
  const reading = element('p', { className: 'reading', role: 'status', textContent: 'Point at the chart, walk along it with the arrow keys, or use its table, for values.' });
  const state = { width: 960, height: 460, at: -1 };
  const all = groups.flatMap(([, points], number) => points.map((point) => ({ ...point, number }))).filter(({ x, y }) => x > 0 && y > 0);
  all.sort((a, b) => a.x - b.x);
  const span = (values) => {
    const [low, high] = [Math.min(...values), Math.max(...values)];
    const edge = Math.max((high / low) ** 0.04, 1.05);
    return [low / edge, high * edge];
  };
  const ring = svg('circle', { class: 'ring', r: 8, cx: -99, cy: -99 });
  function draw() {
    const { width, height } = state;
    const { left, right, top, bottom } = FRAME;
    chart.setAttribute('viewBox', `0 0 ${width} ${height}`);
    if (!all.length) return;
    const both = span(all.flatMap(({ x, y }) => [x, y]));
    const xs = diagonal ? both : span(all.map(({ x }) => x));
    const ys = diagonal ? both : span(all.map(({ y }) => y));
    const place = (value, [from, to]) => Math.log(value / from) / Math.log(to / from);
    state.x = (value) => left + place(value, xs) * (width - left - right);
    state.y = (value) => height - bottom - place(value, ys) * (height - top - bottom);
    const nodes = [];
    for (const tick of ticks(ys[0], ys[1], true)) {
      nodes.push(svg('line', { class: 'grid', x1: left, x2: width - right, y1: state.y(tick), y2: state.y(tick) }));
      nodes.push(svg('text', { x: left - 8, y: state.y(tick) + 4, 'text-anchor': 'end' }, short(tick)));
    }
    let last = -Infinity;
    for (const tick of ticks(xs[0], xs[1], true)) {
      nodes.push(svg('line', { class: 'grid', x1: state.x(tick), x2: state.x(tick), y1: top, y2: height - bottom }));
      if (state.x(tick) - last < 48) continue;
      last = state.x(tick);
      nodes.push(svg('text', { x: last, y: height - bottom + 18, 'text-anchor': 'middle' }, short(tick)));
    }
    if (diagonal) nodes.push(svg('line', { class: 'mark', x1: state.x(both[0]), y1: state.y(both[0]), x2: state.x(both[1]), y2: state.y(both[1]) }));
    for (const { x, y, number } of all) nodes.push(shape(number, state.x(x), state.y(y)));
    nodes.push(svg('text', { x: (left + width) / 2, y: height - 8, 'text-anchor': 'middle' }, `${axes[0]} (logarithmic)`));
    nodes.push(svg('text', { x: 8, y: 14 }, `${axes[1]} (logarithmic)`));
    chart.replaceChildren(...nodes, ring);
    chart.setAttribute('aria-label', `${heading}: ${all.length} points, ${axes[1]} by ${axes[0]}. Arrow keys read values.`);
  }
  function show(at) {
    state.at = Math.min(Math.max(at, 0), all.length - 1);
    const point = all[state.at];
    if (!point) return;
    ring.setAttribute('cx', state.x(point.x));
    ring.setAttribute('cy', state.y(point.y));
    reading.textContent = point.words;
  }
  function under(event) {
    const box = chart.getBoundingClientRect();
    const [px, py] = [((event.clientX - box.left) / box.width) * state.width, ((event.clientY - box.top) / box.height) * state.height];
    let [best, far] = [-1, 30 ** 2];
    all.forEach(({ x, y }, at) => {
      const distance = (state.x(x) - px) ** 2 + (state.y(y) - py) ** 2;
      if (distance < far) [best, far] = [at, distance];
    });
    return best;
  }
  chart.addEventListener('pointermove', (event) => { const at = under(event); if (at >= 0) show(at); });
  chart.addEventListener('click', (event) => { const at = under(event); if (at >= 0 && chosen) chosen(all[at]); });
  chart.addEventListener('keydown', (event) => {
    const move = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: 10, ArrowDown: -10, Home: -Infinity, End: Infinity }[event.key];
    if (event.key === 'Enter' && chosen && all[state.at]) chosen(all[state.at]);
    if (!move) return;
    event.preventDefault();
    show(Number.isFinite(move) ? state.at + move : move > 0 ? all.length - 1 : 0);
  });
  const legend = element('ul', { className: 'legend' }, ...groups.map(([name, points], number) => {
    const sample = svg('svg', { viewBox: '0 0 14 14', 'aria-hidden': 'true' }, shape(number, 7, 7, 4.5));
    return element('li', {}, sample, ` ${name} (${points.length})`);
  }));
  const rows = () => groups.flatMap(([name, points]) => points.map((point) => [name, ...point.row]));
  const details = element('details', {}, element('summary', { textContent: 'Values as a table, and files to keep' }));
  const shown = element('div');
  details.addEventListener('toggle', () => details.open && !shown.firstChild && shown.append(...table(heading, { columns, rows: rows() })));
  details.append(tools(
    ['Keep as SVG', () => keep(`${file}.svg`, new XMLSerializer().serializeToString(styled(chart)), 'image/svg+xml')],
    ['Keep as PNG', () => picture(chart, `${file}.png`)],
    ['Keep as CSV', () => keep(`${file}.csv`, csv(columns, rows()), 'text/csv')],
  ), shown);
  new ResizeObserver(([entry]) => {
    const width = Math.round(entry.contentRect.width);
    if (width < 1 || width === state.width) return;
    Object.assign(state, { width: Math.max(width, 280), height: width < 640 ? 340 : 460 });
    draw();
  }).observe(chart);
  draw();
  return [chart, legend, reading, details];
}
