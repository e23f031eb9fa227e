// What a run has to show besides lines: a boundary in the plane, reconstructions, a confusion, texts.
const version = new URL(import.meta.url).search;
const { csv, element, keep, tools } = await import(new URL(`./report-kit.js${version}`, import.meta.url).href);

const PIXELS = 784;
const SIDE = 28;
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const parts = (hex) => [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
const CLASS_COLOURS = ['--accent', '--assumption', '--model'];
const saved = (canvas, name) => tools(['Keep as PNG', () => canvas.toBlob((blob) => keep(name, blob, 'image/png'))]);

// Circles, squares, triangles: classes differ by shape, not by colour alone.
function mark(context, shape, x, y) {
  context.beginPath();
  if (shape === 0) context.arc(x, y, 4, 0, 7);
  else if (shape === 1) context.rect(x - 3.5, y - 3.5, 7, 7);
  else context.moveTo(x, y - 5), context.lineTo(x + 4.5, y + 3.5), context.lineTo(x - 4.5, y + 3.5), context.closePath();
  context.fill();
  context.stroke();
}
const SHAPES = ['circles', 'squares', 'triangles'];

/** The plane: which class each place falls into, and the points. */
export function plane(points) {
  const size = 448;
  const canvas = element('canvas', { width: size, height: size, className: 'plane' });
  canvas.setAttribute('role', 'img');
  canvas.dataset.testid = 'boundary';
  const classes = Math.max(2, ...points.filter((_, at) => at % 3 === 2).map((label) => label + 1));
  let last = null;
  let accuracy = '';
  // The points do not move: they are drawn once for each theme.
  let drawn = { theme: '', layer: null };
  const dots = () => {
    const theme = colour('--panel');
    if (drawn.theme === theme) return drawn.layer;
    const layer = element('canvas', { width: size, height: size });
    const context = layer.getContext('2d');
    const inks = CLASS_COLOURS.map(colour);
    context.strokeStyle = theme;
    for (let at = 0; at < points.length; at += 3) {
      context.fillStyle = inks[points[at + 2] % inks.length];
      mark(context, points[at + 2], ((points[at] + 1) / 2) * size, ((1 - points[at + 1]) / 2) * size);
    }
    drawn = { theme, layer };
    return layer;
  };
  const name = () => canvas.setAttribute('aria-label', `Which class each place of the plane falls into${last ? ` after ${last.step} steps` : ''}${accuracy}`);
  const draw = () => {
    const context = canvas.getContext('2d');
    const [paper, ...inks] = ['--panel', ...CLASS_COLOURS].map((token) => parts(colour(token)));
    context.fillStyle = colour('--panel');
    context.fillRect(0, 0, size, size);
    if (last) {
      const image = new ImageData(last.side, last.side);
      for (let cell = 0; cell < last.side * last.side; cell++) {
        const [label, share] = [last.bytes[cell * 2], last.bytes[cell * 2 + 1] / 255];
        // Certain places are strong, places in doubt are pale.
        const strength = 0.12 + 0.45 * Math.max(0, (share - 1 / classes) / (1 - 1 / classes));
        const ink = inks[label % inks.length];
        for (let channel = 0; channel < 3; channel++) image.data[cell * 4 + channel] = paper[channel] + (ink[channel] - paper[channel]) * strength;
        image.data[cell * 4 + 3] = 255;
      }
      const small = element('canvas', { width: last.side, height: last.side });
      small.getContext('2d').putImageData(image, 0, 0);
      context.imageSmoothingEnabled = false;
      context.drawImage(small, 0, 0, size, size);
    }
    context.drawImage(dots(), 0, 0);
    canvas.dataset.step = last?.step ?? 0;
    name();
  };
  draw();
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
  const legend = element('p', { className: 'detail', textContent: `Points to train on: ${SHAPES.slice(0, classes).join(', ')}. The ground says which class the network gives a place; pale is doubt.` });
  return {
    node: element('section', {}, element('h2', { textContent: 'The plane, divided' }), canvas, legend, saved(canvas, 'boundary.png')),
    boundary: (event) => { last = event; draw(); },
    accuracy: (share) => { accuracy = `, ${(share * 100).toFixed(1)} % of held-out points right`; name(); },
  };
}

/** Images and below them what the autoencoder makes of them. */
export function reconstructions() {
  const canvas = element('canvas', { className: 'images' });
  canvas.setAttribute('role', 'img');
  canvas.dataset.testid = 'reconstructions';
  const words = element('p', { className: 'detail' });
  const show = ({ step, count, bytes }) => {
    canvas.width = count * SIDE;
    canvas.height = 2 * SIDE;
    const context = canvas.getContext('2d');
    const [paper, ink] = ['--panel', '--ink'].map((token) => parts(colour(token)));
    for (let image = 0; image < 2 * count; image++) {
      const data = new ImageData(SIDE, SIDE);
      for (let pixel = 0; pixel < PIXELS; pixel++) {
        const share = bytes[image * PIXELS + pixel] / 255;
        for (let channel = 0; channel < 3; channel++) data.data[pixel * 4 + channel] = paper[channel] + (ink[channel] - paper[channel]) * share;
        data.data[pixel * 4 + 3] = 255;
      }
      context.putImageData(data, (image % count) * SIDE, image < count ? 0 : SIDE);
    }
    words.textContent = `Above, ${count} held-out digits; below, what came through the middle after ${step} steps.`;
    canvas.setAttribute('aria-label', words.textContent);
    canvas.dataset.step = step;
  };
  return { node: element('section', {}, element('h2', { textContent: 'Squeezed and restored' }), canvas, words, saved(canvas, 'reconstructions.png')), show };
}

/** How often each digit was read as each digit. */
export function confusion() {
  const digits = [...Array(10).keys()];
  const words = element('p');
  const cells = digits.map(() => digits.map(() => element('td', { textContent: '0' })));
  const head = element('tr', {}, element('th', { scope: 'col', textContent: 'Digit' }), ...digits.map((digit) => element('th', { scope: 'col', textContent: `${digit}` })));
  const rows = digits.map((digit) => element('tr', {}, element('th', { scope: 'row', textContent: `${digit}` }), ...cells[digit]));
  const grid = element('table', { className: 'heat' }, element('caption', { textContent: 'Rows: what a digit is. Columns: what it was read as.' }), element('thead', {}, head), element('tbody', {}, ...rows));
  const wide = element('div', { className: 'wide', tabIndex: 0, ariaLabel: 'Digits by what was read' }, grid);
  wide.setAttribute('role', 'region');
  const place = element('div', {}, words, wide);
  let counts = [];
  const columns = [['Digit', ''], ...digits.map((digit) => [`read as ${digit}`, ''])];
  const save = () => keep('confusion.csv', csv(columns, digits.map((digit) => [digit, ...counts.slice(digit * 10, digit * 10 + 10)])), 'text/csv');
  const show = (event) => {
    ({ counts } = event);
    const wrong = counts.map((count, at) => [at % 11 === 0 ? 0 : count, Math.floor(at / 10), at % 10]);
    const [most, digit, other] = wrong.reduce((best, each) => (each[0] > best[0] ? each : best));
    words.textContent = most
      ? `After ${event.step} steps the commonest mistake is a ${digit} read as ${other} (${most} times).`
      : `After ${event.step} steps no held-out digit is misread.`;
    counts.forEach((count, at) => {
      const row = Math.floor(at / 10);
      const all = counts.slice(row * 10, row * 10 + 10).reduce((sum, value) => sum + value, 0);
      const cell = cells[row][at % 10];
      cell.textContent = count;
      // Pale enough at its strongest that the number stays readable.
      cell.style.setProperty('--share', `${Math.round((45 * count) / Math.max(all, 1))}%`);
    });
    place.dataset.step = event.step;
  };
  place.dataset.testid = 'confusion';
  return { node: element('section', {}, element('h2', { textContent: 'What is misread' }), place, tools(['Keep as CSV', save])), show };
}

/** Texts that the model wrote, the newest first. */
export function texts() {
  const list = element('ol', { className: 'texts' });
  list.dataset.testid = 'texts';
  const show = ({ step, prompt, text }) => {
    const words = element('p', {}, element('strong', { textContent: prompt }), text);
    list.prepend(element('li', {}, element('span', { className: 'detail', textContent: `Step ${step.toLocaleString('en')}` }), words));
    while (list.children.length > 8) list.lastChild.remove();
  };
  return { node: element('section', {}, element('h2', { textContent: 'What it writes' }), list), show, isEmpty: () => !list.children.length };
}

/** A name and a value, for lists of figures. */
export function figures(list, rows) {
  list.replaceChildren(...rows.filter(([, value]) => value !== null && value !== undefined).map(([name, value, id]) => {
    const cell = element('dd', { textContent: value });
    if (id) cell.dataset.testid = id;
    return element('div', {}, element('dt', { textContent: name }), cell);
  }));
}

