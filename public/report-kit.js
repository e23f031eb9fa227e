// What the pages that report share: nodes, numbers, tables, charts, files to keep. Imported with the page's own `?v=`.

export function element(name, properties = {}, ...children) {
  const node = document.createElement(name);
  Object.assign(node, properties);
  node.append(...children);
  return node;
}
// Making a formatter takes longer than a hundred uses of one.
const FORMATS = [0, 1, 2, 3, 4].map((maximumFractionDigits) => new Intl.NumberFormat('en', { maximumFractionDigits }));
export const digits = (value) => {
  if (value === null || value === undefined) return 'not known';
  const size = Math.abs(value);
  if (Number.isInteger(value)) return FORMATS[0].format(value);
  return FORMATS[size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 4].format(value);
};
export function keep(name, text, type) {
  const link = element('a', { href: URL.createObjectURL(new Blob([text], { type })), download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
export const quoted = (cell) => (/[",\n]/.test(`${cell}`) ? `"${`${cell}`.replaceAll('"', '""')}"` : `${cell ?? ''}`);
export function csv(columns, rows) {
  const heads = columns.map(([name, unit]) => quoted(unit ? `${name} (${unit})` : name));
  return [heads.join(','), ...rows.map((row) => row.map(quoted).join(','))].join('\n');
}
export function tools(...buttons) {
  return element('div', { className: 'tools' }, ...buttons.map(([label, act]) => element('button', { type: 'button', textContent: label, onclick: act })));
}
export function table(heading, { columns, rows }) {
  const numeric = columns.map((_, at) => rows.some((row) => typeof row[at] === 'number'));
  const head = columns.map(([name, unit], at) => element('th', { scope: 'col', className: numeric[at] ? 'number' : '', textContent: unit ? `${name} (${unit})` : name }));
  const body = rows.map((row) => element('tr', {}, ...row.map((cell, at) => element(at === 0 ? 'th' : 'td', {
    ...(at === 0 && { scope: 'row' }), className: numeric[at] ? 'number' : '', textContent: numeric[at] ? digits(cell) : cell,
  }))));
  const whole = element('table', {}, element('thead', {}, element('tr', {}, ...head)), element('tbody', {}, ...body));
  const wide = element('div', { className: 'wide', tabIndex: 0, ariaLabel: heading }, whole);
  wide.setAttribute('role', 'region');
  return [wide, tools(['Keep as CSV', () => keep('ridgepoint.csv', csv(columns, rows), 'text/csv')])];
}
export function svg(name, attributes, ...children) {
  const node = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}
// A stack of areas: each series on top of those before it.
export function areas(heading, { axes, series }) {
  const [width, height, left, bottom] = [960, 320, 64, 40];
  const count = series[0]?.[1].length ?? 0;
  const totals = Array.from({ length: count }, (_, at) => series.reduce((sum, [, points]) => sum + points[at][1], 0));
  const most = Math.max(...totals, 1e-9);
  const x = (at) => left + (at / Math.max(count - 1, 1)) * (width - left - 12);
  const y = (value) => height - bottom - (value / most) * (height - bottom - 16);
  const chart = svg('svg', { viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': `${heading}: ${axes[1]} by ${axes[0]}, at most ${digits(most)}` });
  for (let tick = 0; tick <= 4; tick++) {
    const value = (most * tick) / 4;
    chart.append(svg('line', { class: 'grid', x1: left, x2: width - 12, y1: y(value), y2: y(value) }));
    chart.append(svg('text', { x: left - 8, y: y(value) + 4, 'text-anchor': 'end' }, digits(value)));
  }
  let floor = totals.map(() => 0);
  series.forEach(([name, points], number) => {
    const top = floor.map((base, at) => base + points[at][1]);
    const there = top.map((value, at) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`);
    const back = floor.map((value, at) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`).reverse();
    chart.append(svg('polygon', { class: `a${number % 5}`, points: [...there, ...back].join(' ') }, svg('title', {}, name)));
    floor = top;
  });
  chart.append(svg('text', { x: (left + width) / 2, y: height - 8, 'text-anchor': 'middle' }, axes[0]));
  chart.append(svg('text', { x: 8, y: 14 }, axes[1]));
  const value = element('p', { role: 'status', textContent: 'Point at the chart, or use the table below, for values.' });
  chart.addEventListener('pointermove', (event) => {
    const box = chart.getBoundingClientRect();
    const at = Math.round((((event.clientX - box.left) / box.width) * width - left) / (width - left - 12) * (count - 1));
    if (at < 0 || at >= count) return;
    value.textContent = `${axes[0]} ${at}: ${series.map(([name, points]) => `${name} ${digits(points[at][1])} ${axes[1]}`).join('; ')}`;
  });
  const legend = element('ul', { className: 'legend' }, ...series.map(([name], number) => {
    const mark = svg('svg', { viewBox: '0 0 24 14', 'aria-hidden': 'true' }, svg('rect', { class: `a${number % 5}`, width: 24, height: 14 }));
    return element('li', {}, mark, ` ${name}`);
  }));
  const columns = [[axes[0], ''], ...series.map(([name]) => [name, axes[1]])];
  const rows = totals.map((_, at) => [at, ...series.map(([, points]) => points[at][1])]);
  const details = element('details', {}, element('summary', { textContent: 'The values as a table' }), ...table(heading, { columns, rows }));
  const save = () => keep('ridgepoint.svg', new XMLSerializer().serializeToString(styled(chart)), 'image/svg+xml');
  return [chart, legend, value, tools(['Keep as SVG', save], ['Keep as CSV', () => keep('ridgepoint.csv', csv(columns, rows), 'text/csv')]), details];
}
// A copy of a chart that looks the same without this page's styles.
export function styled(chart) {
  const copy = chart.cloneNode(true);
  copy.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  const [from, to] = [[chart, ...chart.querySelectorAll('*')], [copy, ...copy.querySelectorAll('*')]];
  from.forEach((node, at) => {
    const style = getComputedStyle(node);
    for (const key of ['fill', 'stroke', 'stroke-width', 'stroke-dasharray', 'font-size', 'font-family']) to[at].setAttribute(key, style.getPropertyValue(key));
  });
  return copy;
}

// ---- lines

// As `digits`, but values near nothing keep their size.
const short = (value) => (value !== 0 && Math.abs(value) < 0.001 ? value.toExponential(1) : digits(value));
const FRAME = { left: 64, right: 20, top: 20, bottom: 40 };

/** Round values between two ends: on a logarithmic axis the powers of ten, or thirds of them where there are few. */
export function ticks(from, to, log, most = 4) {
  if (!(to > from)) return [from];
  if (log) {
    const all = [];
    for (let power = Math.floor(Math.log10(from)); power <= Math.ceil(Math.log10(to)); power++) {
      for (const part of [1, 2, 5]) all.push(part * 10 ** power);
    }
    const inside = all.filter((value) => value >= from * 0.999 && value <= to * 1.001);
    const tens = inside.filter((value) => Math.abs(Math.log10(value) - Math.round(Math.log10(value))) < 1e-9);
    return tens.length >= 3 ? tens : inside;
  }
  const rough = (to - from) / most;
  const base = 10 ** Math.floor(Math.log10(rough));
  const step = base * ([1, 2, 5, 10].find((part) => part * base >= rough) ?? 10);
  const found = [];
  for (let value = Math.ceil(from / step - 1e-9) * step; value <= to + step * 1e-9; value += step) found.push(Number(value.toPrecision(12)));
  return found;
}
// At most two points for each column of pixels, its lowest and its highest, so that no spike is lost.
function thinned(points, columns) {
  if (points.length <= columns * 2) return points;
  const kept = [];
  const each = points.length / columns;
  for (let column = 0; column < columns; column++) {
    const part = points.slice(Math.floor(column * each), Math.floor((column + 1) * each));
    const low = part.reduce((best, point) => (point[1] < best[1] ? point : best));
    const high = part.reduce((best, point) => (point[1] > best[1] ? point : best));
    kept.push(...(low[0] <= high[0] ? [low, high] : [high, low]));
  }
  return kept;
}
// The ends of both axes over all points that can be drawn.
function ends(series, log) {
  const xs = [];
  const ys = [];
  for (const [, points] of series) {
    for (const [x, y] of points) {
      if (!Number.isFinite(x) || !Number.isFinite(y) || (log && y <= 0)) continue;
      xs.push(x);
      ys.push(y);
    }
  }
  const low = (values) => values.reduce((best, value) => Math.min(best, value), Infinity);
  const high = (values) => values.reduce((best, value) => Math.max(best, value), -Infinity);
  if (!xs.length) return { x: [0, 1], y: log ? [0.1, 1] : [0, 1] };
  const y = [low(ys), high(ys)];
  if (log) return { x: [low(xs), Math.max(high(xs), low(xs) + 1)], y: y[1] > y[0] * 1.2 ? y : [y[0] / 1.5, y[1] * 1.5] };
  return { x: [low(xs), Math.max(high(xs), low(xs) + 1)], y: [Math.min(0, y[0]), y[1] > Math.min(0, y[0]) ? y[1] : y[0] + 1] };
}
const nearest = (points, x) => {
  let [from, to] = [0, points.length - 1];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (points[middle][0] < x) from = middle + 1;
    else to = middle;
  }
  const [here, before] = [points[from], points[from - 1]];
  return before && here && x - before[0] < here[0] - x ? before : here;
};
// Shows the values under the pointer, or under a mark that the arrow keys move.
function watch(chart, state, value) {
  const { left, right, top, bottom } = FRAME;
  const mark = svg('line', { class: 'mark', x1: -1, x2: -1 });
  chart.append(mark);
  let at = null;
  const show = (x) => {
    at = Math.min(Math.max(x, state.x[0]), state.x[1]);
    const place = left + ((at - state.x[0]) / (state.x[1] - state.x[0])) * (state.width - left - right);
    mark.setAttribute('y1', top);
    mark.setAttribute('y2', state.height - bottom);
    mark.setAttribute('x1', place);
    mark.setAttribute('x2', place);
    const found = state.series.map(([name, points]) => [name, nearest(points, at)]).filter(([, point]) => point);
    if (found.length) value.textContent = `${state.axes[0]} ${digits(found[0][1][0])}: ${found.map(([name, point]) => `${name} ${short(point[1])}`).join('; ')}`;
  };
  chart.addEventListener('pointermove', (event) => {
    const box = chart.getBoundingClientRect();
    const share = (((event.clientX - box.left) / box.width) * state.width - left) / (state.width - left - right);
    if (share >= 0 && share <= 1) show(state.x[0] + share * (state.x[1] - state.x[0]));
  });
  chart.addEventListener('keydown', (event) => {
    const move = { ArrowLeft: -0.02, ArrowRight: 0.02, Home: -1, End: 1 }[event.key];
    if (!move) return;
    event.preventDefault();
    show((at ?? state.x[0]) + move * (state.x[1] - state.x[0]));
  });
  return mark;
}
function drawLines(heading, chart, state, mark) {
  const { left, right, top, bottom } = FRAME;
  const { width, height } = state;
  chart.setAttribute('viewBox', `0 0 ${width} ${height}`);
  const found = ends(state.series, state.log);
  state.x = state.range ?? found.x;
  state.y = found.y;
  const scale = state.log ? Math.log10 : (value) => value;
  const x = (value) => left + ((value - state.x[0]) / (state.x[1] - state.x[0])) * (width - left - right);
  const y = (value) => height - bottom - ((scale(value) - scale(state.y[0])) / (scale(state.y[1]) - scale(state.y[0]))) * (height - bottom - top);
  const nodes = [];
  for (const tick of ticks(state.y[0], state.y[1], state.log)) {
    nodes.push(svg('line', { class: 'grid', x1: left, x2: width - right, y1: y(tick), y2: y(tick) }));
    nodes.push(svg('text', { x: left - 8, y: y(tick) + 4, 'text-anchor': 'end' }, short(tick)));
  }
  for (const tick of ticks(state.x[0], state.x[1], false, width < 480 ? 3 : 5)) nodes.push(svg('text', { x: x(tick), y: height - bottom + 18, 'text-anchor': 'middle' }, short(tick)));
  state.series.forEach(([name, points], number) => {
    const drawn = thinned(points.filter((point) => Number.isFinite(point[1]) && (!state.log || point[1] > 0)), width - left);
    if (drawn.length === 1) nodes.push(svg('circle', { class: `s${number % 6}`, cx: x(drawn[0][0]), cy: y(drawn[0][1]), r: 2 }));
    const path = drawn.map((point) => `${x(point[0]).toFixed(1)},${y(point[1]).toFixed(1)}`).join(' ');
    nodes.push(svg('polyline', { class: `line s${number % 6}`, points: path }, svg('title', {}, name)));
  });
  nodes.push(svg('text', { x: (left + width) / 2, y: height - 6, 'text-anchor': 'middle' }, state.axes[0]));
  nodes.push(svg('text', { x: 8, y: 12 }, state.log ? `${state.axes[1]} (logarithmic)` : state.axes[1]));
  chart.replaceChildren(...nodes, mark);
  const last = state.series.filter(([, points]) => points.length).map(([name, points]) => `${name} ${short(points.at(-1)[1])}`);
  chart.setAttribute('aria-label', `${heading}: ${state.axes[1]} by ${state.axes[0]}. ${last.length ? `Last: ${last.join(', ')}. Arrow keys read values.` : 'No values yet.'}`);
}
// A row for each place on the axis, a column for each series.
function joined(state) {
  const rows = new Map();
  state.series.forEach(([, points], number) => {
    for (const [x, y] of points) {
      if (!rows.has(x)) rows.set(x, [x, ...state.series.map(() => '')]);
      rows.get(x)[number + 1] = y;
    }
  });
  const columns = [[state.axes[0], ''], ...state.series.map(([name]) => [name, state.axes[1]])];
  return { columns, rows: [...rows.values()].sort((a, b) => a[0] - b[0]) };
}
/** Saves what a chart shows as a picture, twice as large as it is drawn. */
export function picture(chart, name) {
  const [, , width, height] = chart.getAttribute('viewBox').split(' ').map(Number);
  const copy = styled(chart);
  copy.setAttribute('width', width);
  copy.setAttribute('height', height);
  const image = new Image();
  image.onload = () => {
    const canvas = element('canvas', { width: width * 2, height: height * 2 });
    const context = canvas.getContext('2d');
    context.fillStyle = getComputedStyle(chart).backgroundColor;
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.drawImage(image, 0, 0, canvas.width, canvas.height);
    canvas.toBlob((blob) => keep(name, blob, 'image/png'));
  };
  image.src = `data:image/svg+xml,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`;
}
/**
 * Lines over a shared axis: `series` is `[[name, [[x, y], ...]], ...]` with x ascending, `axes` is `[x, y]` with units,
 * `log` makes the upright axis logarithmic, `range` fixes the ends of the other one. Returns the nodes to place and
 * `update(series, range)`, which draws them again in place.
 */
export function lines(heading, { axes, series, log = false, range = null, file = 'ridgepoint' }) {
  const state = { axes, series, log, range, x: [0, 1], y: [0, 1], width: 960, height: 320 };
  const chart = svg('svg', { role: 'img', tabindex: 0 });
  const value = element('p', { className: 'reading', role: 'status', textContent: 'Point at the chart, or use its table, for values.' });
  const mark = watch(chart, state, value);
  const legend = element('ul', { className: 'legend' });
  const details = element('details', {}, element('summary', { textContent: 'Values as a table, and files to keep' }));
  const place = element('div');
  const fill = () => details.open && place.replaceChildren(...table(heading, joined(state)));
  details.addEventListener('toggle', fill);
  const box = element('input', { type: 'checkbox', checked: log, onchange: () => { state.log = box.checked; drawLines(heading, chart, state, mark); } });
  const save = (kind) => {
    const { columns, rows } = joined(state);
    if (kind === 'csv') keep(`${file}.csv`, csv(columns, rows), 'text/csv');
    if (kind === 'svg') keep(`${file}.svg`, new XMLSerializer().serializeToString(styled(chart)), 'image/svg+xml');
    if (kind === 'png') picture(chart, `${file}.png`);
  };
  const buttons = tools(['Keep as SVG', () => save('svg')], ['Keep as PNG', () => save('png')], ['Keep as CSV', () => save('csv')]);
  details.append(buttons, place);
  const scale = element('li', {}, element('label', { className: 'switch' }, box, ' Logarithmic'));
  let names = '';
  const update = (next, ends = state.range) => {
    state.series = next;
    state.range = ends;
    const now = next.map(([name]) => name).join('\n');
    if (now !== names) {
      names = now;
      legend.replaceChildren(...next.map(([name], number) => {
        const sample = svg('svg', { viewBox: '0 0 36 14', class: 'sample', 'aria-hidden': 'true' }, svg('line', { class: `line s${number % 6}`, x1: 0, x2: 36, y1: 7, y2: 7 }));
        return element('li', {}, sample, ` ${name}`);
      }), scale);
    }
    drawLines(heading, chart, state, mark);
    fill();
  };
  // Drawn as wide as it is shown, so that its words keep their size.
  new ResizeObserver(([entry]) => {
    const width = Math.round(entry.contentRect.width);
    if (width < 1 || width === state.width) return;
    Object.assign(state, { width: Math.max(width, 240), height: width < 640 ? 240 : 320 });
    drawLines(heading, chart, state, mark);
  }).observe(chart);
  update(series);
  return { nodes: [chart, legend, value, details], update };
}

// ---- pages

const PAGES = [
  ['./', 'Workbench'],
  ['./plan.html', 'Plan'],
  ['./accuracy.html', 'Accuracy'],
  ['./lab.html', 'Lab'],
  ['./engine.html', 'Engine'],
  ['./parallel.html', 'Parallel'],
  ['./bench.html', 'Bench'],
];
/** Fills the page's `<nav>` with the pages of this site; add a page to the list above. */
export function navigation() {
  const here = location.pathname.split('/').at(-1);
  const links = PAGES.map(([href, name]) => {
    const link = element('a', { href, textContent: name });
    if (href === `./${here}`) link.setAttribute('aria-current', 'page');
    return link;
  });
  document.querySelector('nav').replaceChildren(...links);
}
