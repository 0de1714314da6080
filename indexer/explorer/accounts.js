// Accounts and operators: what an address has, what it did, and how its pool went.

import { ask, askAll } from './api.js';
import { appealColumns } from './appeals.js';
import { lines } from './chart.js';
import { h, route } from './dom.js';
import { eventColumns } from './events.js';
import {
  address,
  amount,
  approximate,
  badge,
  count,
  isContract,
  moment,
  percent,
  score,
  scoreText,
  shortened,
  skein,
  taskLink,
} from './format.js';
import { ballotColumns } from './governance.js';
import { facts, heading, pages, panel, table } from './parts.js';
import { sponsorPanels } from './sponsors.js';
import { payoutColumns, slashColumns, taskColumns } from './tasks.js';

const tokens = (value) => `${value.toLocaleString('en-US', { maximumFractionDigits: 2 })} SKEIN`;

export async function accountsPage({ query }) {
  const columns = [
    ['Account', (row) => address(row.address)],
    ['Balance', (row) => amount(row.balance), 'right'],
    ['Earned', (row) => amount(row.earned), 'right'],
    ['Slashed', (row) => amount(row.slashed), 'right'],
    ['Tasks', (row) => count(row.tasks_created), 'right'],
    ['Models', (row) => count(row.submissions), 'right'],
    ['Validated', (row) => count(row.validations), 'right'],
  ];
  return [heading('Accounts'), pages('Accounts', '/accounts', query, columns, await ask('/accounts', query))];
}

const stakeColumns = () => [
  ['Operator', (row) => h('span', null, address(row.operator), row.is_own ? ' (itself)' : '')],
  ['Worth', (row) => amount(row.assets), 'right'],
  ['Pool', (row) => h('a', { href: route(`/operators/${row.operator}`) }, 'its pool')],
];

const withdrawalColumns = (now) => [
  ['#', (row) => row.id, 'right'],
  ['Operator', (row) => address(row.operator)],
  ['Funder', (row) => h('span', null, address(row.funder), row.held_by ? [' through ', address(row.held_by)] : '')],
  ['Asked for', (row) => amount(row.assets), 'right'],
  ['Worth now', (row) => amount(row.state === 'withdrawn' ? row.paid : row.value), 'right'],
  ['State', (row) => [badge(row.state), row.state === 'waiting' ? [' ', moment(row.matures_at, now)] : '']],
];

const entryColumns = () => [
  ['Task', (row) => taskLink(row.task_id)],
  ['Model', (row) => `#${row.id}`],
  ['State', (row) => badge(row.state)],
  ['Score', (row) => score(row.score), 'right'],
  ['Rank', (row) => row.rank ?? '–', 'right'],
  ['Stake', (row) => amount(row.stake, 0), 'right'],
  ['Slashed', (row) => amount(row.slashed), 'right'],
  ['Reward', (row) => amount(row.reward), 'right'],
];

const seatColumns = () => [
  ['Task', (row) => taskLink(row.task_id)],
  ['Stake', (row) => amount(row.stake, 0), 'right'],
  ['Scores', (row) => count(row.scores), 'right'],
  ['Slashed', (row) => amount(row.slashed), 'right'],
  ['Reward', (row) => amount(row.reward), 'right'],
];

const givenColumns = (now) => [
  ['Task', (row) => taskLink(row.task_id)],
  ['Model', (row) => `#${row.submission_id}`],
  ['Said', (row) => (row.verdict ? badge(row.verdict) : score(row.score)), 'right'],
  ['Consensus', (row) => (row.consensus === null ? badge(row.state) : score(row.consensus)), 'right'],
  [
    'Off by',
    (row) => (row.score === null || row.consensus === null ? '–' : scoreText(Math.abs(row.score - row.consensus))),
    'right',
  ],
  ['When', (row) => moment(row.timestamp, now)],
];

/** Its votes: on what, instead of whose. */
const voteColumns = (now) => [
  ['Proposal', (row) => h('a', { href: route(`/governance/${row.proposal_id}`) }, shortened(row.proposal_id))],
  ...ballotColumns(now).slice(1),
];

/** A list in a panel, or nothing where there is nothing. */
const listed = (title, path, columns, answer) =>
  answer.data.length ? panel(title, pages(title, path, {}, columns, answer)) : null;

export async function accountPage({ path, now }) {
  const who = path[0];
  const base = `/accounts/${who}`;
  const parts = ['tasks', 'submissions', 'validations', 'scores', 'balances', 'history'];
  const [account, tasks, entries, seats, given, balances, events, payouts, slashes, ballots, appeals, gave, paid] = await askAll(
    base, ...parts.map((part) => [`${base}/${part}`, part === 'balances' ? { limit: 200 } : { limit: 25 }]),
    ['/payouts', { account: who, limit: 25 }], ['/slashes', { operator: who, limit: 25 }],
    ['/ballots', { voter: who, limit: 25 }], ['/appeals', { appellant: who, limit: 25 }],
    ['/sponsorships', { sponsor: who, limit: 25 }], ['/sponsored', { operator: who, limit: 25 }],
  ); // prettier-ignore
  const found = account.data;
  const time = now();
  return [
    heading(
      isContract(found.address) ? address(found.address) : shortened(found.address),
      found.pool ? h('a', { class: 'button', href: route(`/operators/${found.address}`) }, 'Its pool') : null,
    ),
    h('p', null, h('code', { class: 'whole' }, found.address)),
    facts([
      ['Balance', [amount(found.balance), ' SKEIN']],
      ['Earned', [amount(found.earned), ' SKEIN']],
      ['Slashed', [amount(found.slashed), ' SKEIN']],
      ['Tasks created', count(found.tasks_created)],
      ['Models', count(found.submissions)],
      ['Tasks validated', count(found.validations)],
    ]),
    found.stakes.length ? panel('Stake', table('Stake', stakeColumns(), found.stakes)) : null,
    found.withdrawals.length
      ? panel('On its way out', table('Withdrawals', withdrawalColumns(time), found.withdrawals))
      : null,
    balancePlot(balances.data),
    listed('Models', `${base}/submissions`, entryColumns(), entries),
    listed('Validated', `${base}/validations`, seatColumns(), seats),
    listed('Scores given', `${base}/scores`, givenColumns(time), given),
    listed('Tasks created', `${base}/tasks`, taskColumns(time), tasks),
    payouts.data.length
      ? panel('Payouts', pages('Payouts', '/payouts', { account: who }, payoutColumns(time), payouts))
      : null,
    slashes.data.length
      ? panel('Slashes', pages('Slashes', '/slashes', { operator: who }, slashColumns(time), slashes))
      : null,
    appeals.data.length
      ? panel('Appeals', pages('Appeals', '/appeals', { appellant: who }, appealColumns(time), appeals))
      : null,
    ballots.data.length ? panel('Votes', pages('Votes', '/ballots', { voter: who }, voteColumns(time), ballots)) : null,
    sponsorPanels(gave, paid, time, { given: { sponsor: who }, paid: { operator: who } }),
    panel(
      'History',
      pages('History', `${base}/history`, {}, eventColumns(time), events, 'No event names this address.'),
    ),
  ];
}

function balancePlot(rows) {
  const seen = new Map([...rows].reverse().map((row) => [row.timestamp, approximate(row.balance)]));
  return seen.size > 1
    ? panel('Tokens over time', lines('Token balance', [{ name: 'balance', points: [...seen] }], tokens))
    : null;
}

export async function operatorsPage({ query }) {
  const columns = [
    [
      'Operator',
      (row) =>
        h(
          'a',
          { class: 'address', href: route(`/operators/${row.operator}`) },
          address(row.operator).firstChild,
          shortened(row.operator),
        ),
    ],
    ['Active stake', (row) => amount(row.stake), 'right'],
    ['Its own', (row) => amount(row.own_assets), 'right'],
    ['Delegated', (row) => amount(row.delegated_assets), 'right'],
    ['Delegators', (row) => count(row.delegators), 'right'],
    ['Commission', (row) => percent(row.current_commission), 'right'],
    ['Locked', (row) => amount(row.locked), 'right'],
    ['Slashed', (row) => amount(row.slashed), 'right'],
  ];
  return [
    heading('Operators', h('a', { class: 'button', href: route('/vaults') }, 'Vaults')),
    pages('Operators', '/operators', query, columns, await ask('/operators', query), 'Nobody has staked yet.'),
  ];
}

export async function operatorPage({ path, now }) {
  const who = path[0];
  const base = `/operators/${who}`;
  const only = { operator: who };
  const [pool, past, delegators, locks, rewards, slashes, withdrawals, vaults, escrows] = await askAll(
    base, `${base}/history`, `${base}/delegators`, `${base}/locks`, `${base}/rewards`, ['/slashes', only],
    ['/withdrawals', only], ['/vaults', only], ['/escrows', only],
  ); // prettier-ignore
  const found = pool.data;
  const time = now();
  return [
    heading(
      `Pool of ${shortened(found.operator)}`,
      h('a', { class: 'button', href: route(`/accounts/${who}`) }, 'The account'),
    ),
    h('p', null, h('code', { class: 'whole' }, found.operator)),
    facts([
      ['Active stake', [amount(found.stake), ' SKEIN']],
      ['Its own', amount(found.own_assets)],
      ['Delegated', amount(found.delegated_assets)],
      ['On its way out', skein(BigInt(found.own_exiting_assets) + BigInt(found.delegated_exiting_assets))],
      ['Locked', amount(found.locked)],
      [
        'Commission',
        [
          percent(found.current_commission),
          found.next_commission_at > time
            ? [', ', percent(found.next_commission), ' ', moment(found.next_commission_at, time)]
            : '',
        ],
      ],
      ['Delegators', count(found.delegators)],
      ...vaults.data.map((row) => ['Vault', h('code', { class: 'whole' }, row.address)]),
      ...escrows.data
        .filter((row) => row.assets !== '0')
        .map((row) => ['In escrow', [amount(row.assets), ', until ', moment(row.until, time)]]),
      ['Earned', amount(found.earned)],
      ['Slashed', amount(found.slashed)],
    ]),
    panel('Stake over time', lines('Active stake', [
      { name: 'own', points: past.data.map((row) => [row.timestamp, approximate(row.own_assets)]) },
      { name: 'delegated', points: past.data.map((row) => [row.timestamp, approximate(row.delegated_assets)]) },
    ], tokens)), // prettier-ignore
    panel('Who has stake in it', pages('Delegators', `${base}/delegators`, {}, [
      ['Funder', (row) => h('span', null, address(row.funder), row.is_own ? ' (the operator)' : '')],
      ['Worth', (row) => amount(row.assets), 'right'],
    ], delegators)), // prettier-ignore
    listed('Locks', `${base}/locks`, [
      ['Module', (row) => address(row.module)],
      ['Locked', (row) => amount(row.assets), 'right'],
    ], locks), // prettier-ignore
    listed('Rewards', `${base}/rewards`, [
      ['From', (row) => address(row.sender)],
      ['Reward', (row) => amount(row.assets), 'right'],
      ['Operator', (row) => amount(row.operator_assets), 'right'],
      ['Delegators', (row) => amount(row.delegated_assets), 'right'],
      ['When', (row) => moment(row.timestamp, time)],
    ], rewards), // prettier-ignore
    slashes.data.length
      ? panel('Slashes', pages('Slashes', '/slashes', { operator: who }, slashColumns(time), slashes))
      : null,
    withdrawals.data.length
      ? panel(
          'Withdrawals',
          pages('Withdrawals', '/withdrawals', { operator: who }, withdrawalColumns(time), withdrawals),
        )
      : null,
  ];
}
