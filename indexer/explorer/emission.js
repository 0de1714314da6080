// Emission: what the epochs minted, what it is shared by, who drew of it, and what was burnt.

import { ask, askAll } from './api.js';
import { lines } from './chart.js';
import { h, route } from './dom.js';
import { address, amount, approximate, contractName, count, digest, federationLink, moment, percent, taskLink } from './format.js'; // prettier-ignore
import { heading, pages, panel, tiles } from './parts.js';

const tokens = (value) => `${value.toLocaleString('en-US', { maximumFractionDigits: 2 })} SKEIN`;

/** What a weight is of: the contracts name their tasks and federations by number. */
function subject({ module, id }) {
  const number = BigInt(id);
  const link = { Arena: taskLink, Alliance: federationLink }[contractName(module)];
  return link && number < 2n ** 53n ? link(Number(number)) : digest(id);
}

const epochColumns = (now) => [
  ['Epoch', (row) => count(row.id), 'right'],
  ['Minted', (row) => amount(row.minted), 'right'],
  ['Released', (row) => amount(row.released), 'right'],
  ['Began', (row) => moment(row.funded_at, now)],
];

const shareColumns = (total) => [
  ['For', subject],
  ['Module', (row) => address(row.module)],
  ['Stake at work', (row) => amount(row.weight), 'right'],
  ['Share', (row) => (total === '0' ? '–' : percent(row.weight, total)), 'right'],
  ['Drawn', (row) => amount(row.drawn), 'right'],
];

function perEpoch(rows) {
  const past = [...rows].sort((a, b) => a.id - b.id);
  return lines(
    'Per epoch',
    ['minted', 'released'].map((name) => ({
      name,
      points: past.map((row) => [row.funded_at, approximate(row[name])]),
    })),
    tokens,
  );
}

export async function emissionPage({ now }) {
  const [stats, epochs, accounts, plotted] = await askAll('/stats', '/epochs', '/emissions', [
    '/epochs',
    { limit: 200 },
  ]);
  const sums = stats.data;
  return [
    heading('Emission'),
    tiles([
      ['Supply', amount(sums.token_supply, 0), route('/network')],
      ['Burnt', amount(sums.token_burnt)],
      ['Drawn', amount(sums.emission_drawn)],
      ['Stake at work', amount(sums.emission_weight, 0)],
    ]),
    panel('Emission per epoch', perEpoch(plotted.data)),
    panel('Epochs', pages('Epochs', '/epochs', {}, epochColumns(now()), epochs, 'No epoch has begun yet.')),
    panel(
      'Who it flows to',
      h('p', { class: 'quiet' }, 'Each second’s emission is shared by the stake at work.'),
      pages('Shares', '/emissions', {}, shareColumns(sums.emission_weight), accounts, 'Nothing is at work yet.'),
    ),
  ];
}

/** The vaults of operators' pools. */
export async function vaultsPage({ query, now }) {
  const columns = [
    ['Operator', (row) => h('a', { href: route(`/operators/${row.operator}`) }, address(row.operator).textContent)],
    ['Vault', (row) => h('code', { class: 'whole' }, row.address)],
    ['Made', (row) => moment(row.created_at, now())],
  ];
  const answer = await ask('/vaults', query);
  return [
    heading('Vaults'),
    h(
      'p',
      { class: 'quiet' },
      'ERC-4626 and ERC-7540 vaults: a share of an operator’s pool as a token that can be passed on.',
    ),
    pages('Vaults', '/vaults', query, columns, answer, 'No vault was made yet.'),
  ];
}
