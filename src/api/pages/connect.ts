/** "Connect a miner": pick what you mine with, get what to type. A form that works without a script; with one it answers at once. */
import { type Element, h } from './element.ts';
import { countText, difficultyText } from './format.ts';
import {
  bestPort,
  fillTemplate,
  GUIDES,
  type Guide,
  guideOf,
  MACHINES,
  type Machine,
  portsFor,
  suits,
} from './guides.ts';
import type { ConnectChoice, PageState, Regions } from './page-state.ts';
import { addressPrefix, copyable, table } from './parts.ts';

type Port = PageState['pool']['ports'][number];

export const NO_CHOICE: ConnectChoice = { miner: 'iceriver', machine: '', port: '', address: '', rig: '' };

/** Of a rig's name in a command line: no shell reads anything into these. */
const RIG = /^[A-Za-z0-9_-]{1,32}$/;

function select(
  id: string,
  label: string,
  value: string,
  options: readonly (readonly [value: string, text: string])[],
): Element {
  return h(
    'div',
    { class: `choice choice-${id}` },
    h('label', { for: id }, label),
    h(
      'select',
      { id, name: id, 'data-choice': true },
      options.map(([key, text]) => h('option', { value: key, selected: key === value }, text)),
    ),
  );
}

function input(id: string, label: string, value: string, placeholder: string): Element {
  return h(
    'div',
    { class: `choice choice-${id}` },
    h('label', { for: id }, label),
    h('input', {
      id,
      name: id,
      type: 'text',
      value,
      placeholder,
      'data-choice': true,
      autocomplete: 'off',
      autocapitalize: 'none',
      spellcheck: 'false',
    }),
  );
}

interface Chosen {
  readonly guide: Guide;
  readonly machine: Machine | undefined;
  readonly ports: readonly Port[];
  readonly port: Port | undefined;
}

function chosenOf({ pool }: PageState, choice: ConnectChoice): Chosen {
  const guide = guideOf(choice.miner);
  const machine = MACHINES.find(({ id, guide: of }) => id === choice.machine && of === guide.id);
  const ports = portsFor(guide, pool.ports);
  const port = ports.find(({ label }) => label === choice.port) ?? bestPort(guide, machine, pool.ports);
  return { guide, machine, ports, port };
}

function portText(port: Port, machine: Machine | undefined): string {
  const fits = machine && suits(machine, port) ? ' · fits' : '';
  return `${port.label} · ${port.port}${port.tls ? ' TLS' : ''} · difficulty ${difficultyText(port.difficulty)}${fits}`;
}

function choices(state: PageState, choice: ConnectChoice, chosen: Chosen): Element {
  const { guide, machine, ports, port } = chosen;
  const machines = MACHINES.filter((one) => one.guide === guide.id);
  return h(
    'form',
    { class: 'choices', action: '/#connect', method: 'get', 'data-connect': true },
    select(
      'miner',
      'I mine with',
      guide.id,
      GUIDES.map(({ id, name }) => [id, name] as const),
    ),
    machines.length > 0 &&
      select('machine', 'Model', machine?.id ?? '', [
        ['', 'any'] as const,
        ...machines.map(({ id }) => [id, id] as const),
      ]),
    select(
      'port',
      'Port',
      port?.label ?? '',
      ports.map((one) => [one.label, portText(one, machine)] as const),
    ),
    input('address', 'Payout address', choice.address, `${addressPrefix(state)}q…`),
    input('rig', 'Name of this rig', choice.rig, 'rig1'),
    h('button', { type: 'submit', class: 'plain scriptless' }, 'Show'),
  );
}

function answer(state: PageState, choice: ConnectChoice, { guide, port }: Chosen): Element {
  if (!port) return h('p', { class: 'empty' }, 'No port of this pool suits it now.');
  const address = /^[a-z]+:[a-z0-9]{60,64}$/.test(choice.address)
    ? choice.address
    : `${addressPrefix(state)}YOUR_ADDRESS`;
  const rig = RIG.test(choice.rig) ? choice.rig : 'rig1';
  const values = {
    url: port.url,
    host: port.host,
    port: String(port.port),
    address,
    rig,
    login: `${address}.${rig}`,
    password: 'x',
  };
  const fill = (template: string): string => fillTemplate(template, values);
  return h(
    'div',
    { class: 'answer' },
    guide.command !== undefined &&
      h(
        'div',
        { class: 'command' },
        h('p', { class: 'answer-label' }, 'Command'),
        copyable(fill(guide.command), 'the command'),
      ),
    guide.fields &&
      h(
        'dl',
        { class: 'fields' },
        guide.fields.map(([label, value]) => [
          h('dt', null, label),
          h('dd', null, copyable(fill(value), label)),
        ]),
      ),
    guide.notes.length > 0 &&
      h(
        'ul',
        { class: 'notes' },
        guide.notes.map((note) => h('li', null, note)),
      ),
  );
}

function connect(state: PageState): Element {
  const choice = state.choice ?? NO_CHOICE;
  const chosen = chosenOf(state, choice);
  return h('div', null, choices(state, choice, chosen), answer(state, choice, chosen));
}

/** What graphics cards can use; below one only tests. */
const CARD_DIFFICULTY_MAX = 64;

/** Machines for which no other port of the same kind is nearer. */
function fitText(port: Port, ports: readonly Port[]): string {
  if (port.extranonceBytes === 1) return 'NiceHash orders, proxies';
  if (port.difficulty < 1) return 'tests';
  const same = ports.filter(
    ({ tls, transport, scheme, extranonceBytes }) =>
      tls === port.tls &&
      transport === port.transport &&
      scheme === port.scheme &&
      extranonceBytes === port.extranonceBytes,
  );
  const fitting = MACHINES.filter(
    (machine) => bestPort(guideOf('other'), machine, same)?.label === port.label && suits(machine, port),
  ).map(({ id }) => id);
  if (port.difficultyMin < CARD_DIFFICULTY_MAX) fitting.unshift('graphics cards');
  return fitting.join(', ') || '–';
}

function difficultyRange(port: Port): string {
  if (port.sharesPerMinute === null || port.difficultyMin === port.difficultyMax) return 'fixed';
  return `adjusts, ${difficultyText(port.difficultyMin)} to ${difficultyText(port.difficultyMax)}`;
}

function ports({ pool }: PageState): Element {
  return table(
    'Ports of this pool',
    [
      { label: 'Port' },
      { label: 'Stratum URL', wide: true },
      { label: 'Difficulty', number: true },
      { label: 'Good for', wide: true },
      { label: 'Scheme' },
      { label: 'Connected', number: true },
    ],
    pool.ports.map((port) => [
      port.label,
      copyable(port.url, port.url),
      h('span', null, difficultyText(port.difficulty), h('small', null, difficultyRange(port))),
      fitText(port, pool.ports),
      port.scheme,
      countText(port.connections),
    ]),
    'No stratum port is open.',
  );
}

/** The browser draws `connect` anew only when something was chosen: a form must not change under the fingers. */
export const connectRegions: Regions = { connect, ports };
