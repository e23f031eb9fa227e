// The engine's views: settings in the address, work in the compute worker, reports drawn from plain data.
const version = new URL(import.meta.url).search;
const { startWorker } = await import(new URL(`./start-worker.js${version}`, import.meta.url).href);
const form = document.getElementById('form');
const status = document.getElementById('status');
const problem = document.getElementById('problem');
const place = document.getElementById('report');
const stop = document.getElementById('stop');

const PASSES = [
  ['dead_code', 'Leave out what nobody reads'],
  ['common_subexpressions', 'Compute equal values once'],
  ['constant_folding', 'Compute constants ahead of time'],
  ['layout', 'Turn transposes into flags of products'],
  ['fusion', 'Join elementwise steps into one kernel'],
  ['epilogues', 'Finish products inside their kernel'],
  ['in_place', 'Write results over inputs that are done with'],
  ['arena_packing', 'Share memory between values that never meet'],
];
const FIRST = 'Nothing runs before you press a button. The settings are in this page\'s address.';

function element(name, properties = {}, ...children) {
  const node = document.createElement(name);
  Object.assign(node, properties);
  node.append(...children);
  return node;
}
for (const [id, title] of PASSES) {
  const box = element('input', { type: 'checkbox', name: 'pass', value: id, checked: true });
  document.getElementById('passes').append(element('label', { className: 'switch' }, box, ` ${title}`));
}

// ---- settings and address

function query() {
  const data = new FormData(form);
  const parts = ['model', 'backend', 'batch', 'accumulate', 'recompute', 'f16']
    .filter((key) => data.get(key))
    .map((key) => `${key}=${encodeURIComponent(data.get(key))}`);
  const on = new Set(data.getAll('pass'));
  const off = PASSES.map(([id]) => id).filter((id) => !on.has(id));
  if (off.length) parts.push(`off=${off.join('.')}`);
  return parts.join('&');
}
function fromAddress() {
  const asked = new URLSearchParams(location.hash.slice(1));
  for (const [key, value] of asked) {
    const field = form.elements.namedItem(key);
    if (!field || key === 'pass') continue;
    if (field.type === 'checkbox') field.checked = value === '1';
    else if (field.tagName !== 'SELECT' || [...field.options].some((option) => option.value === value)) field.value = value;
  }
  const off = (asked.get('off') ?? '').split('.');
  for (const box of form.querySelectorAll('input[name="pass"]')) box.checked = !off.includes(box.value);
}
fromAddress();
addEventListener('hashchange', fromAddress);
form.addEventListener('change', () => history.replaceState(null, '', `#${query()}`));
form.elements.namedItem('model').addEventListener('change', (event) => {
  form.elements.namedItem('batch').value = event.target.value === 'gpt' ? 4 : 32;
});

// ---- the worker

let worker = null;
let next = 0;
let running = null;
function start() {
  if (worker) return worker;
  worker = startWorker();
  worker.onmessage = ({ data }) => {
    if (Array.isArray(data) && data[0] === 'trap') return fail(`The worker stopped: ${data[1]} Press the button again; a new one starts.`, true);
    if (!running || data.id !== running.id) return undefined;
    if (data.progress) status.textContent = `${data.progress}. ${Math.round((performance.now() - running.since) / 1000)} s so far.`;
    if (data.problem) fail(data.problem);
    if (data.report) finish(JSON.parse(data.report));
    return undefined;
  };
  worker.onerror = () => fail('The worker could not be loaded. Check the connection and press the button again.', true);
  return worker;
}
function idle() {
  running = null;
  stop.disabled = true;
  for (const button of form.querySelectorAll('button[name="view"]')) button.disabled = false;
}
function fail(text, drop = false) {
  if (drop) {
    worker?.terminate();
    worker = null;
  }
  problem.textContent = text;
  problem.hidden = false;
  status.textContent = 'The last report below is unchanged.';
  idle();
}
form.addEventListener('submit', (event) => {
  event.preventDefault();
  const view = event.submitter?.value ?? 'passes';
  problem.hidden = true;
  running = { id: ++next, since: performance.now() };
  stop.disabled = false;
  for (const button of form.querySelectorAll('button[name="view"]')) button.disabled = true;
  status.textContent = 'Starting.';
  history.replaceState(null, '', `#${query()}`);
  start().postMessage({ inspect: view, id: running.id, query: query() });
});
stop.addEventListener('click', () => {
  worker?.terminate();
  worker = null;
  idle();
  status.textContent = 'Stopped. The last report below is unchanged.';
});

// ---- reports

const digits = (value) => {
  if (value === null || value === undefined) return 'not known';
  const size = Math.abs(value);
  if (Number.isInteger(value)) return value.toLocaleString('en');
  return value.toLocaleString('en', { maximumFractionDigits: size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 4 });
};
function keep(name, text, type) {
  const link = element('a', { href: URL.createObjectURL(new Blob([text], { type })), download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
const quoted = (cell) => (/[",\n]/.test(`${cell}`) ? `"${`${cell}`.replaceAll('"', '""')}"` : `${cell ?? ''}`);
function csv(columns, rows) {
  const heads = columns.map(([name, unit]) => quoted(unit ? `${name} (${unit})` : name));
  return [heads.join(','), ...rows.map((row) => row.map(quoted).join(','))].join('\n');
}
function tools(...buttons) {
  return element('div', { className: 'tools' }, ...buttons.map(([label, act]) => element('button', { type: 'button', textContent: label, onclick: act })));
}
function table(heading, { columns, rows }) {
  const numeric = columns.map((_, at) => rows.some((row) => typeof row[at] === 'number'));
  const head = columns.map(([name, unit], at) => element('th', { scope: 'col', className: numeric[at] ? 'number' : '', textContent: unit ? `${name} (${unit})` : name }));
  const body = rows.map((row) => element('tr', {}, ...row.map((cell, at) => element(at === 0 ? 'th' : 'td', {
    scope: at === 0 ? 'row' : '', className: numeric[at] ? 'number' : '', textContent: numeric[at] ? digits(cell) : cell,
  }))));
  const whole = element('table', {}, element('thead', {}, element('tr', {}, ...head)), element('tbody', {}, ...body));
  const wide = element('div', { className: 'wide', tabIndex: 0, ariaLabel: heading }, whole);
  wide.setAttribute('role', 'region');
  return [wide, tools(['Keep as CSV', () => keep('ridgepoint.csv', csv(columns, rows), 'text/csv')])];
}
function svg(name, attributes, ...children) {
  const node = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}
// A stack of areas: each series on top of those before it.
function areas(heading, { axes, series }) {
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
function styled(chart) {
  const copy = chart.cloneNode(true);
  copy.setAttribute('xmlns', 'http://www.w3.org/2000/svg');
  const [from, to] = [[chart, ...chart.querySelectorAll('*')], [copy, ...copy.querySelectorAll('*')]];
  from.forEach((node, at) => {
    const style = getComputedStyle(node);
    for (const key of ['fill', 'stroke', 'font-size', 'font-family']) to[at].setAttribute(key, style.getPropertyValue(key));
  });
  return copy;
}
function finish(report) {
  const sections = report.sections.map((section) => {
    const parts = [element('h3', { textContent: section.heading }), element('p', { textContent: section.note })];
    if (section.series) parts.push(...areas(section.heading, section));
    if (section.columns) parts.push(...table(section.heading, section));
    if (section.file) parts.push(tools([`Keep ${section.file}`, () => keep(section.file, section.text, 'application/json')]));
    return element('section', {}, ...parts);
  });
  place.replaceChildren(element('h2', { textContent: report.title }), element('p', { className: 'summary', textContent: report.lead }), ...sections);
  place.hidden = false;
  status.textContent = `Done in ${((performance.now() - running.since) / 1000).toFixed(1)} s. Numbers are measured in this tab unless a section says that they come from the plan.`;
  idle();
}
status.textContent = FIRST;
