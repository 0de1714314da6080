// Federations: who is in them, how their rounds went, who voted what, and what that was worth.

import { ask, askAll, specOf } from './api.js';
import { timeline } from './chart.js';
import { h, route } from './dom.js';
import { argument, eventColumns } from './events.js';
import { address, amount, badge, clock, count, digest, federationLink, moment } from './format.js';
import { facts, filters, heading, pages, panel, table, things } from './parts.js';
import { payoutColumns, slashColumns } from './tasks.js';

const named = (name) => name.replaceAll('_', ' ');
const shown = (name, value) => (value === null ? '–' : argument(name, value));
const fieldsOf = (row) => facts(Object.entries(row).map(([name, value]) => [named(name), shown(name, value)]));

/** A link that gets the federation's title as soon as it is known. */
function titled(row) {
  const link = federationLink(row.id);
  specOf(row.spec_digest).then((spec) => spec && link.replaceChildren(`${spec.title} #${row.id}`));
  return link;
}

const federationColumns = (now) => [
  ['Federation', titled],
  ['State', (row) => badge(row.ended ? 'ended' : 'going on')],
  ['Members', (row) => count(row.member_count), 'right'],
  ['Rounds', (row) => `${row.round}, ${row.rounds_left} left`, 'right'],
  ['Pool', (row) => amount(row.pool), 'right'],
  ['Slashed', (row) => amount(row.slashed), 'right'],
  ['Creator', (row) => address(row.creator)],
  ['Created', (row) => moment(row.created_at, now)],
];

const memberColumns = (now) => [
  ['#', (row) => row.number, 'right'],
  ['Member', (row) => address(row.account)],
  ['State', (row) => badge(row.state)],
  ['Stake', (row) => amount(row.stake), 'right'],
  ['Earned', (row) => amount(BigInt(row.earned) + BigInt(row.claimed)), 'right'],
  ['Slashed', (row) => amount(row.slashed), 'right'],
  ['Rows', (row) => count(row.row_count), 'right'],
  ['Joined', (row) => moment(row.joined_at, now)],
];

const roundLink = (row, text = `Round ${row.number ?? row.round}`) =>
  h('a', { href: route(`/federations/${row.federation_id}/rounds/${row.number ?? row.round}`) }, text);

const roundColumns = (now) => [
  ['Round', (row) => roundLink(row)],
  ['State', (row) => badge(row.state)],
  ['Proposers', (row) => count(row.proposer_count), 'right'],
  ['Accepted', (row) => count(row.approved), 'right'],
  ['Harmful', (row) => count(bits(row.harmful).length), 'right'],
  ['Pot', (row) => amount(row.pot), 'right'],
  ['Model', (row) => (/^0x0+$/.test(row.model_digest) ? 'as before' : digest(row.model_digest))],
  ['Began', (row) => moment(row.started_at, now)],
];

/** The slots in a mask: bit k stands for slot k. */
function bits(mask) {
  const found = [];
  for (let rest = BigInt(mask ?? 0), slot = 0; rest; rest >>= 1n, slot += 1) if (rest & 1n) found.push(slot);
  return found;
}

export async function federationsPage({ query, now }) {
  const answer = await ask('/federations', query);
  const ended = [
    ['', 'any'],
    ['false', 'go on'],
    ['true', 'ended'],
  ];
  return [
    heading('Federations'),
    filters('/federations', query, [
      ['ended', 'State', ended],
      ['order', 'Order', [['', 'newest'], ['id', 'oldest'], ['-pool', 'largest pool']]],
      ['creator', 'Creator'],
    ]),
    pages('Federations', '/federations', query, federationColumns(now()), answer, 'No federation fits.'),
  ]; // prettier-ignore
}

export async function federationPage({ path, now }) {
  const id = path[0];
  const base = `/federations/${id}`;
  const only = { federation_id: id };
  const [found, members, rounds, payouts, slashes, events] = await askAll(
    base, `${base}/members`, `${base}/rounds`, ['/payouts', { ...only, limit: 25 }], ['/slashes', { ...only, limit: 25 }],
    ['/events', { ...only, limit: 15 }],
  ); // prettier-ignore
  const spec = await specOf(found.data.spec_digest);
  const time = now();
  return [
    heading(
      spec?.title ?? `Federation ${id}`,
      spec ? h('span', { class: 'quiet' }, `Federation ${id}`) : null,
      badge(found.data.ended ? 'ended' : 'going on'),
    ),
    spec ? panel('What it is for', h('p', { class: 'prose' }, spec.description)) : null,
    panel('Rounds', pages('Rounds', `${base}/rounds`, {}, roundColumns(time), rounds, 'There was no round yet.')),
    panel('Members', pages('Members', `${base}/members`, {}, memberColumns(time), members, 'Nobody has joined yet.')),
    slashes.data.length
      ? panel('Slashes', pages('Slashes', '/slashes', only, slashColumns(time), slashes))
      : null,
    payouts.data.length
      ? panel('Payouts', pages('Payouts', '/payouts', only, payoutColumns(time), payouts))
      : null,
    panel('Terms and record', fieldsOf(found.data)),
    panel('Events', pages('Events', '/events', only, eventColumns(time), events)),
  ]; // prettier-ignore
}

const WINDOWS = ['commit', 'reveal', 'vote', 'ballot', 'attest'];

function course(round, now) {
  if (!round.commit_ends) return h('p', { class: 'quiet' }, 'Nobody is drawn yet: the seed of the draw is awaited.');
  const ends = [round.started_at, ...WINDOWS.map((name) => round[`${name}_ends`])];
  const phases = WINDOWS.map((name, at) => {
    const [start, end] = [ends[at], ends[at + 1]];
    const never = round.closed_at !== null && start >= round.closed_at;
    const state = never
      ? 'never'
      : end <= now || round.closed_at !== null
        ? 'past'
        : start <= now
          ? 'present'
          : 'future';
    return { name, start, end, state };
  });
  const closed = round.closed_at === null ? [] : [{ time: round.closed_at, kind: 'good', title: 'closed' }];
  return timeline(phases.filter(({ start, end }) => end > start), closed, now); // prettier-ignore
}

/** Each proposer's update, and how many of those who voted accepted it or called it harmful. */
export function proposers(roles, round) {
  const voted = roles.filter((role) => !role.proposes && role.accepts !== null);
  const said = (role, name) => voted.filter((each) => bits(each[name]).includes(role.slot)).length;
  const verdict = (role) => {
    if (bits(round.harmful).includes(role.slot)) return badge('harmful');
    if (role.duplicate) return badge('duplicate');
    return badge(bits(round.accepted).includes(role.slot) ? 'accepted' : round.state === 'open' ? 'open' : 'rejected');
  };
  return table(
    'Proposers',
    [
      ['Slot', (role) => role.slot, 'right'],
      ['Proposer', (role) => address(role.account)],
      ['Update', (role) => (/^0x0+$/.test(role.digest) ? 'none' : digest(role.digest))],
      ['Verdict', verdict],
      ['Accepted by', (role) => `${said(role, 'accepts')} of ${voted.length}`, 'right'],
      ['Harmful to', (role) => `${said(role, 'harms')} of ${voted.length}`, 'right'],
      ['Got', (role) => amount(role.reward), 'right'],
      ['Lost', (role) => [amount(role.slashed), role.reason ? [' ', badge(role.reason)] : ''], 'right'],
    ],
    roles.filter((role) => role.proposes),
    'Nobody was drawn yet.',
  );
}

const slots = (mask) => (mask === null ? '–' : bits(mask).join(', ') || 'none');

export function voters(roles) {
  return table(
    'Voters',
    [
      ['Slot', (role) => role.slot, 'right'],
      ['Voter', (role) => address(role.account)],
      ['Accepts', (role) => slots(role.accepts)],
      ['Calls harmful', (role) => slots(role.harms)],
      ['Attests to', (role) => (/^0x0+$/.test(role.digest) ? '–' : digest(role.digest))],
      ['Got', (role) => amount(role.reward), 'right'],
      ['Lost', (role) => [amount(role.slashed), role.reason ? [' ', badge(role.reason)] : ''], 'right'],
    ],
    roles.filter((role) => !role.proposes),
    'Nobody was drawn yet.',
  );
}

export async function roundPage({ path, now }) {
  const [id, , number] = path;
  const base = `/federations/${id}/rounds/${number}`;
  const [round, roles, slashes] = await askAll(
    base, [`${base}/roles`, { limit: 200 }], ['/slashes', { federation_id: id, limit: 200 }],
  ); // prettier-ignore
  const found = round.data;
  const time = now();
  const lost = slashes.data.filter((row) => row.round === found.number);
  return [
    heading(
      `Round ${number}`,
      h('span', { class: 'quiet' }, 'of ', federationLink(id)),
      badge(found.state),
    ),
    panel('Phases', course(found, time)),
    panel('Updates', proposers(roles.data, found)),
    panel('Voters', voters(roles.data)),
    lost.length ? panel('Slashes', table('Slashes', slashColumns(time), lost)) : null,
    panel('Record', facts([
      ['Counted', found.counted ? 'yes' : 'no'],
      ['Members', things(found.member_count, 'member')],
      ['Voting stake', amount(found.voting_stake)],
      ['Pot', [amount(found.pot), ' SKEIN']],
      ['Shared by', amount(found.good_stake)],
      ['Paid to who settled', amount(found.settler_paid)],
      ['Model', digest(found.model_digest)],
      ['Seed', digest(found.seed)],
      ['Began', clock(found.started_at)],
      found.closed_at === null ? null : ['Closed', clock(found.closed_at)],
    ])),
  ]; // prettier-ignore
}
