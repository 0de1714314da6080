// Which page is shown, and that it stays true while blocks arrive.

import { accountPage, accountsPage, operatorPage, operatorsPage } from './accounts.js';
import { appealsPage } from './appeals.js';
import { Problem, ask } from './api.js';
import { h, route } from './dom.js';
import { emissionPage, vaultsPage } from './emission.js';
import { eventsPage } from './events.js';
import { federationPage, federationsPage, roundPage } from './federations.js';
import { clock, count, nameContracts } from './format.js';
import { governancePage, proposalPage } from './governance.js';
import { payoutPage, payoutsPage, slashPage, slashesPage } from './money.js';
import { homePage, networkPage } from './network.js';
import { heading } from './parts.js';
import { apiPage } from './reference.js';
import { sponsorsPage } from './sponsors.js';
import { taskPage, tasksPage } from './tasks.js';

const PAGES = {
  '': [homePage],
  tasks: [tasksPage, taskPage],
  federations: [federationsPage, federationPage, null, (at) => at.path[1] === 'rounds' && roundPage(at)],
  accounts: [accountsPage, accountPage],
  operators: [operatorsPage, operatorPage],
  vaults: [vaultsPage],
  network: [networkPage],
  emission: [emissionPage],
  governance: [governancePage, proposalPage],
  payouts: [payoutsPage, payoutPage],
  slashes: [slashesPage, slashPage],
  appeals: [appealsPage],
  sponsorships: [sponsorsPage],
  events: [eventsPage],
  api: [apiPage],
};
const NAV = [
  ['tasks', 'Tasks'],
  ['federations', 'Federations'],
  ['operators', 'Operators'],
  ['accounts', 'Accounts'],
  ['network', 'Network'],
  ['emission', 'Emission'],
  ['governance', 'Governance'],
  ['payouts', 'Payouts'],
  ['slashes', 'Slashes'],
  ['appeals', 'Appeals'],
  ['events', 'Events'],
];
// Between two renderings of a page that blocks make stale, in milliseconds.
const PAUSE = 1500;

const main = document.getElementById('main');
const nav = document.getElementById('nav');
const state = document.getElementById('state');
const search = document.getElementById('search');
let head = null;
let turn = 0;
let first = true;

function address() {
  const [path, words] = location.hash.replace(/^#\/?/, '').split('?');
  const [name, ...rest] = path.split('/').map(decode);
  return { name, path: rest.filter(Boolean), query: Object.fromEntries(new URLSearchParams(words ?? '')) };
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** The time of the newest block that is known; phases and ages are beside it. */
const now = () => head?.timestamp ?? Math.floor(Date.now() / 1000);

async function content({ name, path, query }) {
  const parts = await PAGES[name]?.[path.length]?.({ path: path.map(encodeURIComponent), query, now });
  if (!parts) throw new Problem(404, 'There is no such page.');
  return parts;
}

/** Show the page of the address; `arriving` when the user goes there, not when a block made it stale. */
async function show(arriving) {
  const mine = (turn += 1);
  const where = address();
  if (arriving) {
    mark(where.name);
    main.setAttribute('aria-busy', 'true');
  }
  let parts;
  try {
    if (!head) await meet();
    parts = await content(where);
  } catch (error) {
    if (!(error instanceof Problem)) console.error(error);
    if (!arriving && error.status !== 404) return;
    parts = [
      heading(error.status === 404 ? 'Not there' : 'That did not work'),
      h(
        'p',
        { class: 'notice' },
        error instanceof Problem ? error.message : 'The explorer failed; the console says why.',
      ),
    ];
  }
  if (mine !== turn) return;
  put(parts, arriving);
}

function put(parts, arriving) {
  const kept = arriving ? null : focusPath();
  const open = arriving ? [] : [...main.querySelectorAll('details')].map((each) => each.open);
  main.replaceChildren(...parts.flat(Infinity).filter(Boolean));
  main.removeAttribute('aria-busy');
  main.dataset.shown = location.hash.slice(1) || '/';
  if (arriving) {
    document.title = `${main.querySelector('h1')?.textContent ?? 'Explorer'} – Skein`;
    scrollTo(0, 0);
    if (!first) main.querySelector('h1')?.focus({ preventScroll: true });
    first = false;
    return;
  }
  main.querySelectorAll('details').forEach((each, at) => (each.open = open[at] ?? false));
  kept && main.querySelector(kept)?.focus({ preventScroll: true });
}

/** Where in the page the focus is, as a selector that also fits the page made anew. */
function focusPath() {
  let element = document.activeElement;
  if (!main.contains(element) || element === main) return null;
  const steps = [];
  while (element !== main) {
    steps.unshift(`:nth-child(${[...element.parentElement.children].indexOf(element) + 1})`);
    element = element.parentElement;
  }
  return `:scope > ${steps.join(' > ')}`;
}

function mark(name) {
  const links = NAV.map(([page, label]) =>
    h('a', { href: route(`/${page}`), 'aria-current': page === name ? 'page' : null }, label),
  );
  nav.replaceChildren(...links);
  nav.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'center' });
}

/** What the index is of, and where it is. */
async function meet() {
  const [status, contracts] = await Promise.all([ask('/status'), ask('/contracts')]);
  nameContracts(contracts.data);
  hear({ block: status.block, block_hash: status.block_hash, timestamp: status.data.timestamp });
}

function hear(block) {
  head = block;
  state.textContent = `Block ${count(block.block)} · ${clock(block.timestamp)}`;
  state.classList.add('live');
}

// --- blocks arrive

let stale = null;

/** Made anew soon, unless somebody is at work in the page: writing, choosing, marking text, reading further down a list. */
function refresh() {
  stale ??= setTimeout(() => {
    stale = null;
    const busy =
      main.querySelector('input:focus, select:focus') ||
      !getSelection().isCollapsed ||
      main.dataset.longer ||
      address().name === 'api';
    if (!busy && !document.hidden) show(false);
  }, PAUSE);
}

function listen() {
  const source = new EventSource('/live');
  source.addEventListener('block', (event) => {
    const known = head?.block_hash;
    const block = JSON.parse(event.data);
    hear(block);
    if (known && known !== block.block_hash) refresh();
  });
  source.addEventListener('reorg', refresh);
  source.addEventListener('reset', refresh);
  source.onerror = () => {
    state.classList.remove('live');
    state.textContent = head ? `Block ${count(head.block)}, not connected` : 'Not connected';
  };
}

// --- what can be done from anywhere

search.addEventListener('keydown', (event) => {
  if (event.key !== 'Enter') return;
  const text = search.value.trim();
  if (/^0x[0-9a-fA-F]{40}$/.test(text)) location.hash = route(`/accounts/${text}`);
  else if (/^#?\d{1,18}$/.test(text)) location.hash = route(`/tasks/${text.replace('#', '')}`);
  else if (/^0x[0-9a-fA-F]{64}$/.test(text)) location.hash = route('/tasks', { spec_digest: text.toLowerCase() });
  else if (/^\d+-\d+$/.test(text)) location.hash = route(`/slashes/${text}`);
  else
    return (search.setCustomValidity('Give an address, the number of a task, or a digest.'), search.reportValidity());
  search.value = '';
  search.blur();
});
search.addEventListener('input', () => search.setCustomValidity(''));
addEventListener('keydown', (event) => {
  if (event.key !== '/' || /INPUT|SELECT|TEXTAREA/.test(document.activeElement.tagName)) return;
  event.preventDefault();
  search.focus();
});

function paint(theme) {
  document.documentElement.dataset.theme = theme;
}
if (localStorage.theme) paint(localStorage.theme);
document.getElementById('theme').addEventListener('click', () => {
  const dark = matchMedia('(prefers-color-scheme: dark)').matches;
  const present = document.documentElement.dataset.theme ?? (dark ? 'dark' : 'light');
  localStorage.theme = present === 'dark' ? 'light' : 'dark';
  paint(localStorage.theme);
});
document.querySelector('.skip').addEventListener('click', (event) => {
  event.preventDefault();
  main.focus();
});
main.addEventListener('click', (event) => event.target.closest('.more') && (main.dataset.longer = 'yes'));
addEventListener('hashchange', () => {
  delete main.dataset.longer;
  show(true);
});

show(true);
listen();
