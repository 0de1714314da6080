// Governance: proposals and their votes, and the stake in escrow that votes with.

import { ask, askAll } from './api.js';
import { timeline } from './chart.js';
import { h, route } from './dom.js';
import { address, amount, badge, clock, digest, moment, percent, shortened, skein } from './format.js';
import { facts, heading, pages, panel, table } from './parts.js';

const SIDES = ['for', 'against', 'abstain'];

/** The first line of what is proposed: strangers write it. */
function titleOf(proposal, most = 90) {
  const line = proposal.description
    .split('\n')[0]
    .replace(/^#+\s*/, '')
    .trim();
  return line.length > most ? `${line.slice(0, most)}…` : line || `Proposal ${shortened(proposal.id)}`;
}

const proposalLink = (row) => h('a', { href: route(`/governance/${row.id}`) }, titleOf(row));

export const proposalColumns = (now) => [
  ['Proposal', proposalLink],
  ['State', (row) => badge(row.state)],
  ['For', (row) => amount(row.votes_for, 0), 'right'],
  ['Against', (row) => amount(row.votes_against, 0), 'right'],
  ['Abstain', (row) => amount(row.votes_abstain, 0), 'right'],
  ['Proposer', (row) => address(row.proposer)],
  ['Voting ends', (row) => moment(row.vote_end, now)],
];

/** What a promise weighs: its stake times its multiplier. */
const votes = (row) => (BigInt(row.assets) * BigInt(row.multiplier)) / 10n ** 18n;

export const escrowColumns = (now) => [
  ['Operator', (row) => address(row.operator)],
  ['Stake', (row) => amount(row.assets), 'right'],
  ['Until', (row) => moment(row.until, now)],
  ['Multiplier', (row) => h('span', { class: 'number' }, skein(row.multiplier, 3)), 'right'],
  ['Votes', (row) => amount(votes(row)), 'right'],
];

export const ballotColumns = (now) => [
  ['Voter', (row) => address(row.voter)],
  ['Vote', (row) => badge(row.support)],
  ['Weight', (row) => amount(row.weight), 'right'],
  ['Reason', (row) => (row.reason ? h('span', { class: 'text' }, row.reason.slice(0, 300)) : '–')],
  ['When', (row) => moment(row.timestamp, now)],
];

export async function governancePage({ query, now }) {
  const [proposals, escrows, ballots] = await askAll(['/proposals', query], '/escrows', '/ballots');
  const time = now();
  return [
    heading('Governance'),
    panel(
      'Proposals',
      pages('Proposals', '/proposals', query, proposalColumns(time), proposals, 'Nothing was proposed yet.'),
    ),
    panel(
      'Stake in escrow',
      h(
        'p',
        { class: 'quiet' },
        'Own stake that its operator promised to leave where it is: the longer, the more votes.',
      ),
      pages('Stake in escrow', '/escrows', {}, escrowColumns(time), escrows, 'No stake is in escrow.'),
    ),
    panel('Newest votes', pages('Newest votes', '/ballots', {}, ballotColumns(time), ballots, 'Nobody has voted yet.')),
  ];
}

/** Its life on a time line: until votes count, the vote, the timelock. */
function course(proposal, now) {
  const spans = [
    ['Delay', proposal.timestamp, proposal.vote_start],
    ['Vote', proposal.vote_start, proposal.vote_end],
  ];
  if (proposal.eta !== null) spans.push(['Timelock', proposal.vote_end, proposal.eta]);
  const marks = [
    [proposal.timestamp, 'going', 'proposed'],
    [proposal.canceled_at, 'bad', 'canceled'],
    [proposal.executed_at, 'good', 'executed'],
  ];
  return timeline(
    spans.map(([name, start, end]) => {
      const never = proposal.canceled_at !== null && start >= proposal.canceled_at;
      return { name, start, end, state: never ? 'never' : end <= now ? 'past' : start <= now ? 'present' : 'future' };
    }),
    marks.filter(([time]) => time !== null).map(([time, kind, title]) => ({ time, kind, title })),
    now,
  );
}

function tally(proposal) {
  const total = SIDES.reduce((sum, side) => sum + BigInt(proposal[`votes_${side}`]), 0n);
  return table(
    'Votes by side',
    [
      ['Side', (side) => badge(side)],
      ['Votes', (side) => amount(proposal[`votes_${side}`]), 'right'],
      ['Part', (side) => (total ? percent(proposal[`votes_${side}`], total) : '–'), 'right'],
    ],
    SIDES,
  );
}

/** What would be called, from the event that proposed it. */
function calls(events, id) {
  const made = events.find(({ args }) => args && BigInt(args.proposal_id) === BigInt(id))?.args;
  if (!made) return null;
  const rows = made.targets.map((target, at) => ({ target, value: made.values[at], data: made.calldatas[at] }));
  return panel(
    'What it would do',
    table(
      'Calls',
      [
        ['Calls', (row) => address(row.target)],
        [
          'With',
          (row) => h('code', { class: 'whole' }, row.data.length > 202 ? `${row.data.slice(0, 202)}…` : row.data),
        ],
        ['Sends', (row) => `${row.value} wei`, 'right'],
      ],
      rows,
      'Nothing.',
    ),
  );
}

export async function proposalPage({ path, now }) {
  const id = path[0];
  const { data: known } = await ask(`/proposals/${id}`);
  const place = { name: 'SkeinGovernor.ProposalCreated', from_block: known.block_number, to_block: known.block_number };
  const [found, ballots, made] = await askAll(
    `/proposals/${id}`, ['/ballots', { proposal_id: id }], ['/events', place],
  ); // prettier-ignore
  const proposal = found.data;
  const time = now();
  return [
    heading(titleOf(proposal), badge(proposal.state)),
    panel('Course', course(proposal, time)),
    panel('What it says', h('p', { class: 'prose' }, proposal.description || 'Nothing.')),
    calls(made.data, id),
    panel('Result', tally(proposal)),
    panel('Votes', pages('Votes', '/ballots', { proposal_id: id }, ballotColumns(time), ballots, 'Nobody has voted.')),
    panel('Record', facts([
      ['Proposer', address(proposal.proposer)],
      ['Number', digest(proposal.id)],
      ['Proposed', clock(proposal.timestamp)],
      ['Votes count as of', clock(proposal.vote_start)],
      ['Vote ends', clock(proposal.vote_end)],
      proposal.eta === null ? null : ['Can be carried out from', clock(proposal.eta)],
      proposal.executed_at === null ? null : ['Executed', clock(proposal.executed_at)],
      proposal.canceled_at === null ? null : ['Canceled', clock(proposal.canceled_at)],
      ['Transaction', h('code', { class: 'whole' }, proposal.transaction_hash)],
    ])),
  ]; // prettier-ignore
}
