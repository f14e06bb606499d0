/*
 * The page in the browser: keeps the entries that the master sends, draws them, comes back after a lost connection.
 * Every text goes in as textContent: a pod may be called anything.
 */
const RECONNECT_FIRST_MS = 500;
const RECONNECT_MAX_MS = 10_000;
/* The master speaks at least every 5 s. */
const STALE_MS = 12_000;
/* More rows than a person reads; the filter finds the rest. */
const MAX_ROWS = 1_000;

const entries = new Map();
let lastHeardMs;
let clockOffsetMs = 0;
let drawPending = false;

const byId = (id) => document.getElementById(id);

function element(name, { text, className, ...attributes } = {}, children = []) {
  const node = document.createElement(name);
  if (text !== undefined) node.textContent = text;
  if (className) node.className = className;
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

function connect(delayMs = RECONNECT_FIRST_MS) {
  const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
  const socket = new WebSocket(`${scheme}://${location.host}/live`);
  let nextDelayMs = Math.min(delayMs * 2, RECONNECT_MAX_MS);
  socket.addEventListener('message', ({ data }) => {
    nextDelayMs = RECONNECT_FIRST_MS;
    take(JSON.parse(data));
  });
  socket.addEventListener('close', () => setTimeout(connect, delayMs * (0.5 + Math.random()), nextDelayMs));
}

function take(message) {
  if (message.type === 'snapshot') entries.clear();
  for (const [key, value] of Object.entries(message.set)) entries.set(key, value);
  for (const key of message.remove ?? []) entries.delete(key);
  lastHeardMs = performance.now();
  clockOffsetMs = message.nowMs - Date.now();
  drawSoon();
}

/* Once a frame at most, whatever comes in. */
function drawSoon() {
  if (drawPending) return;
  drawPending = true;
  requestAnimationFrame(() => {
    drawPending = false;
    draw();
  });
}

function ofKind(kind) {
  return [...entries].filter(([key]) => key.startsWith(`${kind}/`)).map(([, value]) => value);
}

function draw() {
  drawAge();
  drawVerdict(entries.get('verdict'));
  drawBoards(ofKind('board'));
  drawDeployments(ofKind('deployment'));
  drawPods(ofKind('pod'));
}

function drawAge() {
  const age = byId('age');
  if (lastHeardMs === undefined) return;
  const ageMs = performance.now() - lastHeardMs;
  const stale = ageMs > STALE_MS;
  age.dataset.stale = String(stale);
  const seconds = Math.round(ageMs / 1000);
  age.textContent = stale ? `no news for ${renderDuration(ageMs)}, connecting …` : `live, ${seconds} s ago`;
}

const TITLES = { ok: 'Everything is OK.', warning: 'It works, but look at this:', problem: 'Something is wrong:' };

function drawVerdict(verdict) {
  if (verdict === undefined) return;
  byId('verdict').dataset.level = verdict.level;
  setText(byId('verdict-title'), TITLES[verdict.level]);
  document.title = verdict.level === 'ok' ? 'Bramble' : `(!) Bramble`;
  byId('verdict-reasons').replaceChildren(...verdict.reasons.map((text) => element('li', { text })));
}

/* A live region that is written again is read aloud again. */
function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

function drawBoards(boards) {
  byId('boards-count').textContent = `${boards.filter(({ ready }) => ready).length} of ${boards.length} ready`;
  byId('boards').replaceChildren(...boards.map(renderBoard));
}

function renderBoard(board) {
  const state = board.ready ? (board.cordoned ? 'Ready, takes no new pods' : 'Ready') : `Not ready: ${board.reason}`;
  const className = board.ready ? (board.cordoned ? 'warning' : 'ok') : 'problem';
  const alarms = [board.throttled ? 'throttled' : '', board.underVoltage ? 'under-voltage' : ''].filter(Boolean);
  return element('li', { className: 'tile' }, [
    element('h3', { text: board.name }),
    element('p', {}, [
      element('span', { className, text: state }),
      ...(alarms.length > 0 ? [element('span', { className: 'problem', text: `, ${alarms.join(', ')}` })] : []),
    ]),
    element('dl', {}, [
      ...gauge('Temperature', { value: board.temperatureCelsius, max: board.throttleCelsius ?? 85, text: renderCelsius }),
      ...gauge('CPU', { value: board.cpuMillis, max: board.cpuCapacityMillis, text: renderShare }),
      ...gauge('RAM', { value: board.memoryUsedBytes, max: board.memoryCapacityBytes, text: renderShare }),
      ...gauge('Disk', { value: usedDisk(board), max: board.diskTotalBytes, text: renderShare }),
      element('dt', { text: 'Pods' }),
      element('dd'),
      element('dd', { text: String(board.pods) }),
    ]),
  ]);
}

function usedDisk({ diskTotalBytes, diskAvailableBytes }) {
  return diskTotalBytes === undefined ? undefined : diskTotalBytes - diskAvailableBytes;
}

function gauge(name, { value, max, text }) {
  const known = value !== undefined && max > 0;
  const label = known ? text(value, max) : '—';
  const share = known ? Math.min(value / max, 1) : 0;
  const bar = element('meter', { min: 0, max: 1, low: 0.7, high: 0.9, optimum: 0, 'aria-label': `${name}: ${label}` });
  bar.value = share;
  return [element('dt', { text: name }), element('dd', {}, known ? [bar] : []), element('dd', { text: label })];
}

function renderCelsius(value, max) {
  return `${value.toFixed(0)} / ${max.toFixed(0)} °C`;
}

function renderShare(value, max) {
  return `${Math.round((value / max) * 100)} %`;
}

function row(cells) {
  return element('tr', {}, cells.map((cell) => element('td', typeof cell === 'object' ? cell : { text: String(cell) })));
}

function drawDeployments(deployments) {
  byId('deployments-count').textContent = String(deployments.length);
  byId('deployments').replaceChildren(
    ...deployments.map(({ name, namespace, available, wanted, updated, createdAt }) =>
      row([
        { text: name, title: name },
        namespace,
        { text: `${available} / ${wanted}`, className: available >= wanted ? 'ok' : 'problem' },
        updated,
        renderAge(createdAt),
      ]),
    ),
  );
}

function drawPods(pods) {
  const words = byId('filter').value.toLowerCase().split(/\s+/).filter(Boolean);
  const found = pods.filter(({ name, namespace, node, status }) => {
    const text = `${name} ${namespace} ${node} ${status}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
  const count = found.length === pods.length ? `${pods.length}` : `${found.length} of ${pods.length}`;
  byId('pods-count').textContent = found.length > MAX_ROWS ? `${count}, the first ${MAX_ROWS} shown` : count;
  byId('pods').replaceChildren(...found.slice(0, MAX_ROWS).map(renderPod));
}

function renderPod(pod) {
  const calm = pod.status === 'Running' || pod.status === 'Completed';
  const className = calm ? (pod.ready < pod.containers && pod.status === 'Running' ? 'warning' : 'ok') : 'warning';
  return row([
    { text: pod.name, title: pod.name },
    pod.namespace,
    { text: pod.status, className },
    `${pod.ready}/${pod.containers}`,
    pod.restarts,
    { text: pod.node, title: pod.node },
    renderAge(pod.createdAt),
  ]);
}

function renderAge(timestamp) {
  return renderDuration(Math.max(0, Date.now() + clockOffsetMs - Date.parse(timestamp)));
}

function renderDuration(ms) {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

byId('filter').addEventListener('input', drawSoon);
setInterval(drawAge, 1000);
connect();
