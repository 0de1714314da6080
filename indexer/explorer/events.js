// Events in words: every contract's, by name and arguments, without knowing any of them beforehand.

import { ask } from './api.js';
import { h, route } from './dom.js';
import { address, amount, clock, contractName, count, digest, moment, place, score, units } from './format.js';
import { filters, heading, pages } from './parts.js';

const ADDRESS = /^0x[0-9a-fA-F]{40}$/;
const DIGEST = /^0x[0-9a-f]{64}$/;
const AMOUNTS = /(assets|value|stake|bounty|bond|amount|reward|slash|unlocked|balance|supply|votes|pot|paid)$/;
const TIMES = /(_ends|_at|timestamp)$/;

/** Words in a word of 32 bytes, as the contracts give reasons; null when it holds anything else. */
function words(word) {
  const text = word.slice(2).replace(/(00)+$/, '');
  const codes = text.match(/../g)?.map((pair) => parseInt(pair, 16)) ?? [];
  return codes.length && codes.every((code) => code > 31 && code < 127) ? String.fromCharCode(...codes) : null;
}

/** A value of an event, by what it is called and looks like. */
export function argument(name, value) {
  if (Array.isArray(value) && !value.length) return 'none';
  if (Array.isArray(value)) return value.map((each, at) => [at ? ', ' : '', argument(name, each)]);
  if (value !== null && typeof value === 'object') {
    const parts = Object.entries(value).map(([key, each]) => [h('i', null, `${key} `), argument(key, each), ' ']);
    return h('span', { class: 'nested' }, parts);
  }
  const text = String(value);
  if (ADDRESS.test(text)) return address(text);
  if (DIGEST.test(text)) return words(text) ?? digest(text);
  if (/^-?\d+$/.test(text)) return number(name, text);
  return h('span', { class: 'text' }, text.length > 300 ? `${text.slice(0, 300)}…` : text);
}

function number(name, text) {
  if (name === 'task_id') return h('a', { href: route(`/tasks/${text}`) }, text);
  if (AMOUNTS.test(name) && text.length > 9) return [amount(text), ' SKEIN'];
  if (/(score|tolerance|grid|scale)$/.test(name) && text.length < 16) return score(Number(text));
  if (TIMES.test(name) && text.length === 10) return h('span', { class: 'number', title: text }, clock(Number(text)));
  if (text.length < 16) return h('span', { class: 'number' }, text);
  return h('span', { class: 'number', title: text }, Number(text).toExponential(3).replace('e+', 'e'));
}

export function eventName(event) {
  if (!event.name) return h('span', { class: 'badge bad' }, 'unknown event');
  const [contract, name] = event.name.split('.');
  return h('span', null, h('small', null, `${contract}.`), h('b', null, name));
}

/** A value of one event. Amounts of strangers' tokens are not SKEIN. */
function told(event, name, value) {
  const foreign = event.name?.startsWith('Sponsorships.') && contractName(event.args.token) !== 'SkeinToken';
  return foreign && name === 'assets' ? units(value) : argument(name, value);
}

const args = (event) => [
  event.args
    ? h(
        'span',
        { class: 'args' },
        Object.entries(event.args).map(([name, value]) =>
          h('span', null, h('i', null, `${name} `), told(event, name, value)),
        ),
      )
    : h('code', { class: 'digest' }, event.data.length > 80 ? `${event.data.slice(0, 80)}…` : event.data),
];

export const eventColumns = (now) => [
  ['Event', eventName],
  ['Arguments', args, 'wide'],
  ['When', (event) => moment(event.timestamp, now)],
  [
    'Place',
    (event) =>
      h(
        'a',
        {
          href: route('/events', { from_block: event.block_number, to_block: event.block_number }),
          title: `transaction ${event.transaction_hash}`,
        },
        place(event),
      ),
    'right',
  ],
];

/** All events, filtered. */
export async function eventsPage({ query, now }) {
  const [answer, kinds] = await Promise.all([ask('/events', query), ask('/events/kinds')]);
  const names = [...new Set(kinds.data.map(({ name }) => name).filter(Boolean))].sort();
  const contracts = [...new Set(names.map((name) => name.split('.')[0]))];
  const total = kinds.data.reduce((sum, { events }) => sum + events, 0);
  return [
    heading('Events', h('p', { class: 'quiet' }, `${count(total)} in all`)),
    filters('/events', query, [
      ['contract', 'Contract', ['', ...contracts]],
      ['name', 'Event', ['', ...names]],
      ['task_id', 'Task'],
      ['account', 'Account'],
      ['from_block', 'From block'],
      ['to_block', 'To block'],
    ]),
    pages('Events', '/events', query, eventColumns(now()), answer, 'No event fits.'),
  ];
}
