// How amounts, scores, times and addresses look. All of them keep the exact value in their title.

import { h, route, s } from './dom.js';

const UNIT = 10n ** 18n;
const grouped = new Intl.NumberFormat('en-US');

export const count = (value) => grouped.format(value);

/** A whole number; one that no contract of ours can hold, as 1.157e77, so that it breaks no page. */
function whole(value) {
  const digits = String(value);
  return digits.length <= 24 ? grouped.format(value) : `${digits[0]}.${digits.slice(1, 4)}e${digits.length - 1}`;
}

/** An amount in the smallest units of its token. */
export const units = (value) =>
  h('span', { class: 'number', title: grouped.format(BigInt(value)) }, whole(BigInt(value)));

/** Token wei as SKEIN, cut (never rounded up) to some digits. */
export function skein(wei, digits = 2) {
  const value = BigInt(wei);
  if (value >= 10n ** 42n) return whole(value / UNIT);
  const rest = (value % UNIT).toString().padStart(18, '0').slice(0, digits);
  return grouped.format(value / UNIT) + (digits ? `.${rest}` : '');
}

export function amount(wei, digits = 2) {
  return h('span', { class: 'number', title: `${skein(wei, 18)} SKEIN` }, skein(wei, digits));
}

/** As a plain number, for plots. */
export const approximate = (wei) => Number(BigInt(wei) / 10n ** 12n) / 1e6;

export function short(value) {
  if (value >= 1e9) return `${+(value / 1e9).toPrecision(3)}B`;
  if (value >= 1e6) return `${+(value / 1e6).toPrecision(3)}M`;
  if (value >= 1e4) return `${+(value / 1e3).toPrecision(3)}k`;
  return String(+value.toPrecision(4));
}

export const scoreText = (score) => (score / 1e9).toFixed(4);

export function score(value) {
  if (value === null || value === undefined) return '–';
  return h('span', { class: 'number', title: `${value} billionths` }, scoreText(value));
}

/** Numbers that only their ratio means anything of: three digits of them. */
export function weight(value) {
  return h(
    'span',
    { class: 'number', title: value },
    value.length < 7 ? value : Number(value).toExponential(2).replace('e+', 'e'),
  );
}

export function percent(part, whole = 1e18) {
  return `${+((Number(part) / Number(whole)) * 100).toFixed(2)} %`;
}

const STEPS = [
  [86400 * 365, 'y'],
  [86400, 'd'],
  [3600, 'h'],
  [60, 'min'],
  [1, 's'],
];

export function duration(seconds) {
  for (const [at, [length, name]] of STEPS.entries()) {
    if (seconds < length) continue;
    const [next, unit] = STEPS[at + 1] ?? [1, ''];
    const rest = Math.floor((seconds % length) / next);
    return `${Math.floor(seconds / length)} ${name}${rest && unit ? ` ${rest} ${unit}` : ''}`;
  }
  return '0 s';
}

export const clock = (time) => new Date(time * 1000).toISOString().replace('T', ' ').slice(0, 19) + ' UTC';

/** A moment beside the time of the block that the page shows. */
export function moment(time, now) {
  if (!time) return '–';
  const away = Math.abs(now - time);
  const text = away < 1 ? 'now' : now >= time ? `${duration(away)} ago` : `in ${duration(away)}`;
  return h('time', { datetime: new Date(time * 1000).toISOString(), title: clock(time) }, text);
}

export const shortened = (text) => `${text.slice(0, 6)}…${text.slice(-4)}`;

const names = new Map();

/** Names of contracts, shown in place of their addresses. */
export function nameContracts(contracts) {
  for (const { name, address } of contracts) names.set(address, name);
}

export const isContract = (value) => names.has(value);
export const contractName = (value) => names.get(value);

export function address(value) {
  if (!value || /^0x0+$/.test(value)) return 'nobody';
  const name = names.get(value);
  const label = name ?? shortened(value);
  return h('a', { class: 'address', href: route(`/accounts/${value}`), title: value }, picture(value), label);
}

/** A small picture of an address, so that two are told apart at a glance. */
function picture(value) {
  const bits = BigInt(value);
  const hue = Number(bits % 360n);
  const cells = [];
  for (let at = 0; at < 15; at += 1) {
    if (!((bits >> BigInt(at * 3 + 9)) & 1n)) continue;
    const [x, y] = [Math.floor(at / 5), at % 5];
    for (const column of x === 2 ? [2] : [x, 4 - x]) cells.push(s('rect', { x: column, y, width: 1, height: 1 }));
  }
  return s('svg', { class: 'picture', viewBox: '0 0 5 5', 'aria-hidden': 'true', fill: `hsl(${hue} 60% 50%)` }, cells);
}

export function digest(value) {
  return h('code', { class: 'digest', title: value }, shortened(value));
}

export const PHASES = {
  commit: 'Commit',
  abandoned: 'Abandoned',
  reveal: 'Reveal',
  key: 'Key',
  void: 'Void',
  score_commit: 'Score commit',
  score_reveal: 'Score reveal',
  challenge: 'Challenge',
  settle: 'Settle',
  finalized: 'Finalized',
  cancelled: 'Cancelled',
};

const GOOD = new Set([
  'settled',
  'scored',
  'finalized',
  'withdrawn',
  'executed',
  'upheld',
  'accepted',
  'for',
  'closed',
]);
const BAD = new Set([
  'void',
  'failed',
  'duplicate',
  'copied',
  'invalid',
  'unavailable',
  'unrevealed',
  'deviating',
  'silent',
  'harmful',
  'contrary',
  'forged',
  'evicted',
  'against',
]);
const DONE = new Set([
  'abandoned',
  'cancelled',
  'canceled',
  'unscored',
  'ended',
  'left',
  'abstain',
  'rejected',
  'returned',
  'matured',
]);

export function badge(text, label) {
  if (!text) return '–';
  const kind = GOOD.has(text) ? 'good' : BAD.has(text) ? 'bad' : DONE.has(text) ? 'done' : 'going';
  return h('span', { class: `badge ${kind}` }, label ?? text.replaceAll('_', ' '));
}

export const taskState = (task) => badge(task.outcome ?? task.phase, task.outcome ?? PHASES[task.phase]);

export const taskLink = (id) => h('a', { href: route(`/tasks/${id}`) }, `Task ${id}`);

export const federationLink = (id) => h('a', { href: route(`/federations/${id}`) }, `Federation ${id}`);

export const place = (row) => `${row.block_number}-${row.log_index}`;
