// The network as a whole: where it stands, and how it got there.

import { ask, askAll } from './api.js';
import { lines } from './chart.js';
import { h, route } from './dom.js';
import { eventColumns } from './events.js';
import { amount, approximate, clock, count, short } from './format.js';
import { facts, filters, heading, panel, table, tiles } from './parts.js';
import { moneyLinks } from './money.js';
import { payoutColumns, slashColumns, taskColumns } from './tasks.js';

const tokens = (value) => `${value.toLocaleString('en-US', { maximumFractionDigits: 2 })} SKEIN`;
const whole = (value) => count(Math.round(value));

export async function homePage({ now }) {
  const few = { limit: 5 };
  const [stats, past, tasks, payouts, slashes, events] = await askAll(
    '/stats', '/history', ['/tasks', few], ['/payouts', few], ['/slashes', few], ['/events', { limit: 8 }],
  ); // prettier-ignore
  const sums = stats.data;
  const time = now();
  return [
    heading('The network'),
    tiles([
      ['Tasks', count(sums.tasks), route('/tasks')],
      ['Bounties offered', amount(sums.bounties, 0), route('/tasks', { order: '-bounty' })],
      ['Models', count(sums.submissions)],
      ['Scores', count(sums.scores)],
      ['Operators', count(sums.operators), route('/operators')],
      ['Staked', amount(sums.staked, 0), route('/network')],
      ['Rewards paid', amount(sums.distributed, 0), route('/payouts')],
      ['Slashed', amount(sums.slashed, 0), route('/slashes')],
    ]),
    panel('Stake', stakePlot(past.data)),
    panel(
      'Newest tasks',
      table('Newest tasks', taskColumns(time), tasks.data, 'There is no task yet.'),
      more('/tasks', 'All tasks'),
    ),
    h(
      'div',
      { class: 'two' },
      panel(
        'Newest payouts',
        table('Payouts', pick(payoutColumns(time), 'Who', 'As', 'Got', 'Evidence'), payouts.data),
      ),
      panel(
        'Newest slashes',
        table('Slashes', pick(slashColumns(time), 'Who', 'Why', 'Lost', 'Evidence'), slashes.data),
      ),
    ),
    h('p', { class: 'below' }, moneyLinks()),
    panel('Newest events', table('Newest events', eventColumns(time), events.data), more('/events', 'All events')),
  ];
}

const pick = (columns, ...names) => columns.filter(([name]) => names.includes(name));
const more = (path, text) => h('p', { class: 'below' }, h('a', { href: route(path) }, text));
const along = (rows, name, read = approximate) => rows.map((row) => [row.timestamp, read(row[name])]);

function stakePlot(rows) {
  return lines('Stake', [
    { name: 'active', points: along(rows, 'staked') },
    { name: 'locked', points: along(rows, 'locked') },
    { name: 'on its way out', points: along(rows, 'exiting') },
  ], tokens); // prettier-ignore
}

/** What came into being between two points: the emission. */
function changes(rows, name) {
  return rows
    .slice(1)
    .map((row, at) => [row.timestamp, Math.max(0, approximate(BigInt(row[name]) - BigInt(rows[at][name])))]);
}

const INTERVALS = [['', 'automatic'], ['60', 'minute'], ['900', 'quarter of an hour'], ['3600', 'hour'], ['86400', 'day'], ['604800', 'week']]; // prettier-ignore

export async function networkPage({ query }) {
  const [stats, past, status, contracts] = await askAll('/stats', ['/history', query], '/status', '/contracts');
  const rows = past.data;
  const sums = stats.data;
  return [
    heading('Stake and emission'),
    filters('/network', query, [['interval', 'A point every', INTERVALS]]),
    panel('Stake', stakePlot(rows)),
    panel('Token supply', lines('Token supply', [{ name: 'supply', points: along(rows, 'token_supply') }], tokens)),
    panel(
      'Emission',
      lines('New tokens per interval', [{ name: 'new tokens', points: changes(rows, 'token_supply') }], tokens),
    ),
    panel('Rewards and slashes', lines('Paid and taken since the beginning', [
      { name: 'rewards paid', points: along(rows, 'distributed') },
      { name: 'slashed', points: along(rows, 'slashed') },
    ], tokens)), // prettier-ignore
    panel('Activity', lines('Since the beginning', [
      { name: 'tasks', points: along(rows, 'tasks', Number) },
      { name: 'models', points: along(rows, 'submissions', Number) },
      { name: 'scores', points: along(rows, 'scores', Number) },
    ], whole)), // prettier-ignore
    panel('The index', facts([
      ['Chain', status.data.chain_id],
      ['Block', `${count(status.block)} of ${clock(status.data.timestamp)}`],
      ['Final up to', count(status.data.final_block)],
      ['Events', `${count(status.data.events)}, ${count(status.data.unknown_events)} unknown`],
      ['Accounts', count(sums.accounts)],
      ['Supply', [amount(sums.token_supply), ' SKEIN']],
    ])), // prettier-ignore
    panel('Contracts', table('Contracts', [
      ['Name', (row) => row.name],
      ['Address', (row) => h('code', { class: 'whole' }, row.address)],
      ['First block', (row) => count(row.first_block), 'right'],
    ], contracts.data)), // prettier-ignore
  ];
}

export const lagText = async () => {
  const ready = await ask('/readyz').catch((error) => error);
  return ready instanceof Error ? ready.message : `${short(ready.data.lag_blocks)} blocks behind the chain`;
};
