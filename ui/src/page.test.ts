// The whole page against a node in memory: what a person sees and where the focus goes.

import { flushSync, mount, unmount } from 'svelte';
import { afterEach, describe, expect, it, vi } from 'vitest';
import App from './App.svelte';
import type { Relay } from './lib/api/bindings';
import { FakeNode, type Seed } from './lib/api/fake';
import { scene } from './lib/api/fake_scenes';
import { language } from './lib/locale.svelte';
import { router, type Route } from './lib/route.svelte';
import { toasts } from './lib/ui/toasts.svelte';
import { Session } from './session.svelte';

const NOW = new Date('2026-11-20T14:30:00').getTime();
let close = () => {};

async function open(name: string, place: [Route['screen'], string | null] = ['rooms', null], change: Partial<Seed> = {}): Promise<{ node: FakeNode; session: Session }> {
  router.go(...place);
  const node = new FakeNode({ ...scene(name, NOW), ...change }, () => NOW);
  const session = new Session(node);
  const page = mount(App, { target: document.body, props: { session } });
  close = () => void unmount(page);
  await session.start();
  flushSync();
  if (session.account.phase === 'running') await seen(() => expect(session.rooms.loaded && session.network.status !== null).toBe(true));
  language.choose('en');
  flushSync();
  return { node, session };
}

const all = (id: string) => [...document.querySelectorAll<HTMLElement>(`[data-testid="${id}"]`)];
const texts = (id: string) => all(id).map((element) => element.textContent.replace(/\s+/gu, ' ').trim());

function one(id: string): HTMLElement {
  const [element] = all(id);
  if (element === undefined) throw new Error(`nothing on the page is called ${id}`);
  return element;
}

/** Looks again until it holds; a busy machine may take its time. */
async function seen(holds: () => void): Promise<void> {
  await vi.waitFor(
    () => {
      flushSync();
      holds();
    },
    { timeout: 15_000 },
  );
}

async function found(id: string): Promise<HTMLElement> {
  await seen(() => void one(id));
  return one(id);
}

function click(element: HTMLElement): void {
  element.focus();
  element.click();
  flushSync();
}

function type(id: string, text: string): void {
  const field = one(id) as HTMLInputElement;
  field.value = text;
  field.dispatchEvent(new Event('input', { bubbles: true }));
  flushSync();
}

function press(target: Element, key: string, more: KeyboardEventInit = {}): void {
  target.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true, ...more }));
  flushSync();
}

afterEach(() => {
  close();
  for (const toast of toasts.shown) toasts.dismiss(toast.id);
});

describe('reasons', () => {
  const relay = (state: Relay['state'], reason: string | null): Relay => ({ addr: `/dns4/${reason?.length ?? 'ok'}.example/tcp/1/p2p/12D3`, state, reason });

  it('stand at every relay that is not connected, with a way to enter the code that it wants', async () => {
    await open('home-en', ['settings', 'relays'], { relays: [relay('connected', 'quota'), relay('failed', 'admission'), relay('failed', 'peer cannot be reached: Dial error: no addresses for peer.'), relay('failed', 'moon_phase')] });
    expect(texts('relay-reason')).toEqual([
      'This relay wants a code, and none or a wrong one was entered. Ask its operator for it and enter it below.',
      'The name in this address leads nowhere. Check the address and your network.',
      'For a reason that this version has no words for. Update Madang, or ask the operator. moon_phase',
    ]);
    expect(document.querySelector('[data-testid="relay-reason"] code')?.textContent).toBe('moon_phase');
    click(one('relay-enter-code'));
    expect((one('relay-address') as HTMLInputElement).value).toBe('/dns4/9.example/tcp/1/p2p/12D3');
    expect(document.activeElement).toBe(one('relay-code'));
  });

  it('stand at every path of the connection doctor', async () => {
    await open('home-en', ['settings', 'connection']);
    await found('network-path');
    const told = texts('network-path').join('\n');
    expect(told).toContain('went straight to this machine');
    expect(told).toContain('fetched it from a relay');
    expect(told).toContain('no message has arrived there');
    expect(told).not.toMatch(/nothing_sent|gossip|stream|\blog\b/u);
  });
});

describe('the way of a message', () => {
  it('says why it waits, and shows a relay only when one keeps it', async () => {
    const { node, session } = await open('home-en', ['rooms', 'r-mina']);
    await found('composer-input');
    type('composer-input', 'hello');
    click(one('composer-send'));
    await seen(() => expect(session.timeline.rows.at(-1)?.state).toBe('sending'));
    node.advance(session.timeline.rows.at(-1)!.message, { reason: 'relay_expired' });
    await seen(() => expect(all('message-state').at(-1)?.title).toContain('The relay no longer keeps it.'));
    node.call = async () => ({ message: 'new-1', devices: [{ account: 'mina', device: 'm1', state: 'delivered', at: NOW, reason: null }] });
    click(all('message-state').at(-1)!);
    await found('message-verdict');
    expect([...document.querySelectorAll('.path b')].map((step) => step.textContent)).toEqual(['Stored on this machine', '1 of 1 machines', 'Read by 0 of 1']);
  });
});

describe('the keyboard', () => {
  it('belongs to the input method while a syllable is being given up', async () => {
    await open('home-en', ['friends', 'mina']);
    const escape = (target: EventTarget, keyCode: number) => {
      target.dispatchEvent(Object.assign(new KeyboardEvent('keydown', { key: 'Escape', bubbles: true, cancelable: true }), { keyCode }));
      flushSync();
    };
    type('friends-find', 'ㄱ');
    escape(one('friends-find'), 229);
    expect((one('friends-find') as HTMLInputElement).value).toBe('ㄱ');
    expect(router.now.chosen).toBe('mina');
    escape(one('friends-find'), 27);
    expect((one('friends-find') as HTMLInputElement).value).toBe('');
    escape(document.body, 27);
    expect(router.now.chosen).toBeNull();
  });

  it('is where it was once a dialog is closed', async () => {
    await open('home-en', ['friends', null]);
    click(one('friends-invite'));
    await found('invite-dialog');
    click(one('dialog-close'));
    expect(all('invite-dialog')).toEqual([]);
    expect(document.activeElement).toBe(one('friends-invite'));
  });

  it('follows the steps of the first start', async () => {
    await open('fresh');
    type('onboarding-name', '민수');
    click(one('onboarding-next'));
    await found('phrase-skip');
    expect(document.activeElement?.id).toBe('step-phrase');
    click(one('phrase-skip'));
    await found('onboarding-enter');
    expect(document.activeElement?.id).toBe('step-invite');
    click(one('invite-create'));
    expect(await found('invite-copy')).toBe(document.activeElement);
  });

  it('enters a timeline at its newest message', async () => {
    await open('home-en', ['rooms', 'trip']);
    await found('message');
    await seen(() => expect(all('message').map((message) => message.tabIndex)).toEqual(all('message').map((_, i, list) => (i === list.length - 1 ? 0 : -1))));
  });
});

describe('a relay', () => {
  const GOOD = '/dns/relay.example/tcp/4510/p2p/12D3KooWGjMCRnqVbVzNsZJUPvnpsMHXnBn4KBYYzbXq6UKjXHbS';
  const wrong = () => document.querySelector('.hint.is-wrong')?.textContent;

  async function add(addr: string): Promise<void> {
    type('relay-address', addr);
    click(one('relay-add'));
    await seen(() => expect(one('relay-add').getAttribute('aria-busy')).toBe('false'));
    flushSync();
  }

  it('with an address that is none is refused in place, and what was typed stays', async () => {
    const { node } = await open('home-en', ['settings', 'relays'], { relays: [] });
    for (const nonsense of ['nonsense', 'relay.example:4510', '/dns/relay.example/tcp/4510', '/dns/relay.example/tcp/4510/p2p/', `${GOOD}/p2p-circuit`]) {
      await add(nonsense);
      expect(wrong(), nonsense).toContain('This is no address of a relay. It looks like /dns/');
      expect((one('relay-address') as HTMLInputElement).value).toBe(nonsense);
    }
    expect(node.calls.map((call) => call.method)).not.toContain('relay_add');
    await add(GOOD);
    expect(wrong()).toBeUndefined();
    expect(all('relay-row')).toHaveLength(1);
  });

  it('that the node finds wrong, or one too many, is told in the same place', async () => {
    const row = (addr: string): Relay => ({ addr, state: 'connected', reason: null });
    const { node, session } = await open('home-en', ['settings', 'relays'], { relays: [] });
    node.failures.set('relay_add', 'usage');
    await add(GOOD);
    expect(wrong()).toContain('This is no address of a relay.');
    node.seed.relays = ['1', '2', '3'].map(row);
    await session.network.reload();
    await add(GOOD);
    expect(wrong()).toContain('at most 3 relays');
    node.failures.set('relay_add', 'offline');
    await add(GOOD);
    expect(wrong()).toContain('cannot be reached');
  });
});

describe('the people in a room', () => {
  it.each([['r-mina', 0], ['trip', 6]])('have a role only where somebody leads: %s', async (room, roles) => {
    await open('home-en', ['rooms', room]);
    click(await found('room-members'));
    await found('member-row');
    expect(all('member-role')).toHaveLength(roles);
  });
});

describe('a number that waits', () => {
  it.each([[7, '7'], [99, '99'], [131, '99+']])('is short to see and exact to hear: %i', async (unread, seen) => {
    const rooms = scene('home-en', NOW).rooms.map((room) => ({ ...room, unread: room.room === 'r-mina' ? unread : 0 }));
    await open('home-en', ['rooms', null], { rooms });
    for (const place of [one('rail-rooms'), all('room-row').find((row) => row.dataset['room'] === 'r-mina')!]) {
      const pill = place.querySelector('.pill')!;
      expect(pill.querySelector('[aria-hidden]')?.textContent).toBe(seen);
      expect(pill.querySelector('.vh')?.textContent).toBe(`${unread} unread messages`);
    }
  });
});

describe('the first start', () => {
  const next = () => one('onboarding-next') as HTMLButtonElement;

  it('takes a passphrase only when it was typed twice alike, and warns of a short one', async () => {
    const { node } = await open('fresh');
    type('onboarding-name', 'Alice');
    expect(all('onboarding-again')).toEqual([]);
    type('onboarding-passphrase', 'persimmon');
    expect(document.querySelector<HTMLDetailsElement>('.step-lock')?.open).toBe(true);
    expect(next().disabled).toBe(true);
    type('onboarding-again', 'pers');
    expect([next().disabled, all('onboarding-short').length]).toEqual([true, 0]);
    expect(document.querySelector('.hint.is-wrong')).toBeNull();
    type('onboarding-again', 'pars');
    expect(document.querySelector('.hint.is-wrong')).not.toBeNull();
    type('onboarding-again', 'persimmom');
    expect([next().disabled, document.querySelector('.hint.is-wrong')?.textContent]).toEqual([true, 'The two are not the same.']);
    one('onboarding-again').closest('form')?.requestSubmit();
    expect(node.calls.map((call) => call.method)).not.toContain('account_create');
    type('onboarding-passphrase', '감나무');
    type('onboarding-again', '감나무');
    expect(one('onboarding-short').textContent).toContain('fewer than 8 characters');
    click(next());
    await found('phrase-skip');
    expect(node.calls.find((call) => call.method === 'account_create')?.params).toEqual({ name: 'Alice', passphrase: '감나무' });
  });

  it('shows a passphrase when asked, both times that it is typed', async () => {
    await open('fresh');
    type('onboarding-passphrase', 'persimmon');
    const types = () => ['onboarding-passphrase', 'onboarding-again'].map((id) => (one(id) as HTMLInputElement).type);
    expect(types()).toEqual(['password', 'password']);
    expect(one('onboarding-passphrase-show').getAttribute('aria-label')).toBe('Show the characters');
    click(one('onboarding-passphrase-show'));
    expect(types()).toEqual(['text', 'text']);
    expect((one('onboarding-passphrase') as HTMLInputElement).value).toBe('persimmon');
    click(one('onboarding-again-show'));
    expect(types()).toEqual(['password', 'password']);
  });

  it('promises no second look at the words', async () => {
    await open('fresh');
    type('onboarding-name', 'Alice');
    click(next());
    const step = (await found('phrase-skip')).closest('section')?.textContent;
    expect(step).toContain('They are shown only now');
    expect(step).toContain('Without these words nobody can restore this account.');
    expect(step).not.toMatch(/remind|Later/u);
  });

  it('is not thrown away by a file that is dropped on it', async () => {
    await open('fresh');
    for (const name of ['dragover', 'drop']) {
      const event = new Event(name, { bubbles: true, cancelable: true });
      document.body.dispatchEvent(event);
      expect(event.defaultPrevented, name).toBe(true);
    }
  });

  it('offers nothing that is not there yet, and says that the words are to be kept', async () => {
    const { node } = await open('fresh');
    expect(all('onboarding-restore')).toEqual([]);
    type('onboarding-name', 'Alice');
    click(one('onboarding-next'));
    expect((await found('phrase-later')).textContent).toContain('Keep them until then');
    expect(node.calls.map((call) => call.method)).not.toContain('account_restore');
  });
});

describe('drafts', () => {
  async function begin(): Promise<{ node: FakeNode; session: Session; answer: () => void }> {
    const { node, session } = await open('home-en', ['rooms', 'r-mina']);
    await found('composer-input');
    const call = node.call.bind(node);
    let answer = () => {};
    const held = new Promise<void>((resolve) => (answer = resolve));
    node.call = async (method, params) => {
      if (method === 'message_send') await held;
      return call(method, params);
    };
    type('composer-input', 'first');
    click(one('composer-send'));
    return { node, session, answer };
  }

  it('keep what was typed while a message was on its way', async () => {
    const { session, answer } = await begin();
    type('composer-input', 'first and second');
    answer();
    await seen(() => expect(session.drafts.texts.get('r-mina')).toBe(' and second'));
  });

  it('stay with their rooms when one is left before its message was taken', async () => {
    const { session, answer } = await begin();
    router.go('rooms', 'r-emma');
    flushSync();
    type('composer-input', 'first of all, hello');
    answer();
    await seen(() => expect(session.drafts.texts.has('r-mina')).toBe(false));
    expect(session.drafts.texts.get('r-emma')).toBe('first of all, hello');
  });

  it('are not lost when a failed message is written again', async () => {
    const { session } = await open('home-en', ['rooms', 'trip']);
    await found('message');
    type('composer-input', 'half a thought');
    const again = [...document.querySelectorAll<HTMLElement>('button.link-btn')].find((button) => button.textContent === 'Write again');
    click(again!);
    expect(session.drafts.texts.get('trip')).toBe('half a thought\nI will print the map.');
  });
});

describe('an invite', () => {
  const said = () => toasts.shown.map((toast) => toast.text);

  async function ask(): Promise<void> {
    click(one('friends-add'));
    await found('paste-link');
    type('paste-link', 'madang://invite/1/x');
    click(one('link-look'));
    click(await found('friend-add-confirm'));
  }

  it.each(['event', 'answer'])('that is answered at once is told once, when the %s comes first', async (first) => {
    const { node, session } = await open('home-en', ['friends', null]);
    const heard = vi.spyOn(session.friends, 'hearAnswer');
    const tell = () => node.emit({ event: 'answer', account: 'mina-new', accepted: true, code: null });
    const call = node.call.bind(node);
    node.call = async (method, params) => {
      if (method !== 'friend_add') return call(method, params);
      if (first === 'event') {
        tell();
        await seen(() => expect(heard).toHaveBeenCalledOnce());
      }
      return { friend: 'mina-new', state: 'friend' };
    };
    await ask();
    await seen(() => expect(said()).toEqual(['You and 김미나 are friends now.']));
    if (first === 'answer') tell();
    await seen(() => expect(heard).toHaveBeenCalledOnce());
    expect(said()).toEqual(['You and 김미나 are friends now.']);
    // A later answer is news again.
    tell();
    await seen(() => expect(said()).toHaveLength(2));
  });

  it('that is refused at once is told in place and nowhere else', async () => {
    const { node, session } = await open('home-en', ['friends', null]);
    const heard = vi.spyOn(session.friends, 'hearAnswer');
    node.failures.set('friend_add', 'invite_used');
    await ask();
    await seen(() => expect(one('add-dialog').textContent).toContain('This invite has been used already. If that was not you'));
    node.emit({ event: 'answer', account: 'mina-new', accepted: false, code: 'invite_used' });
    await seen(() => expect(heard).toHaveBeenCalledOnce());
    expect(said()).toEqual([]);
  });

  it('that was used up can no longer be withdrawn', async () => {
    const { node } = await open('home-en', ['friends', null]);
    const invite = (id: string, once: boolean, used: number) => ({ invite: id, once, used, expires: NOW + 1, revoked: false });
    const call = node.call.bind(node);
    node.call = async (method, params) => (method === 'invite_list' ? [invite('a', true, 0), invite('b', true, 1), invite('c', false, 1)] : call(method, params));
    click(one('friends-invite'));
    await found('invite-row');
    expect(all('invite-row').map((row) => row.querySelector('.value')?.textContent ?? row.querySelector('button')?.textContent.trim())).toEqual(['Withdraw', 'Used', 'Withdraw']);
  });

  it('that comes from outside while another is being typed waits for its turn', async () => {
    const { node, session } = await open('home-en', ['friends', null]);
    node.emit({ event: 'link', link: 'madang://invite/1/other' });
    await ask();
    await found('link-asked');
    expect(session.askedLink).toBe('madang://invite/1/other');
    click(one('link-look'));
    click(await found('friend-add-confirm'));
    await seen(() => expect(all('link-asked')).toEqual([]));
    expect(session.askedLink).toBeNull();
  });
});

describe('what is said besides colour', () => {
  it('names a friend who is connected', async () => {
    await open('home-en', ['friends', null]);
    const near = await found('friend-row');
    expect(near.dataset['account']).toBe('daniel');
    const rows = new Map(all('friend-row').map((row) => [row.dataset['account'], row.textContent]));
    expect(rows.get('mina')).toContain('Connected');
    expect(rows.get('junho')).not.toContain('Connected');
  });
});

describe('search', () => {
  it('opens over everything by keyboard and leads to the message', async () => {
    await open('home-en', ['friends', null]);
    press(document.body, 'k', { code: 'KeyK', ctrlKey: true });
    expect(document.activeElement).toBe(one('finder-text'));
    expect(texts('finder-room').length).toBeGreaterThan(3);
    type('finder-text', 'noodles');
    const hit = await found('finder-message');
    expect(hit.textContent).toContain('Mina Kim');
    expect(hit.querySelector('mark')?.textContent).toBe('noodles');
    expect(one('finder-text').getAttribute('aria-activedescendant')).toBe(hit.id);
    await seen(() => expect(one('finder-around').querySelectorAll('.bubble').length).toBeGreaterThan(3));
    press(one('finder-text'), 'Enter');
    expect(all('finder')).toEqual([]);
    expect(router.now).toEqual({ screen: 'rooms', chosen: 'trip' });
    await found('message');
  });

  it('finds a friend, goes round the lines and does what can be done', async () => {
    const { session } = await open('home-en');
    press(document.body, 'ㅏ', { code: 'KeyK', ctrlKey: true });
    type('finder-text', 'chaerin');
    await seen(() => expect(texts('finder-friend')).toEqual(['C Chaerin Kim Friend']));
    press(one('finder-text'), 'Enter');
    expect(router.now).toEqual({ screen: 'friends', chosen: 'chaerin' });
    await seen(() => expect(document.activeElement?.closest('[data-region="list"]')).not.toBeNull());
    press(document.body, 'f', { code: 'KeyF', ctrlKey: true });
    type('finder-text', 'shortcuts');
    await found('finder-deed');
    press(one('finder-text'), 'ArrowUp');
    press(one('finder-text'), 'Enter');
    expect(router.now).toEqual({ screen: 'settings', chosen: 'shortcuts' });
    expect(session.searching).toBe(false);
  });

  it('says that nothing was found', async () => {
    await open('home-en');
    click(one('rooms-search-all'));
    type('finder-text', 'zebra');
    await seen(() => expect(texts('finder-note')).toEqual(['Nothing found. Try fewer or shorter words.']));
  });

  it('goes through the hits of one room, by buttons and letters', async () => {
    await open('home-en', ['rooms', 'trip']);
    await found('message');
    press(document.body, 'F', { code: 'KeyF', ctrlKey: true, shiftKey: true });
    expect(document.activeElement).toBe(one('here-text'));
    type('here-text', 'seats');
    await seen(() => expect(texts('here-count')).toEqual(['1 of 2']));
    press(one('here-text'), 'Enter');
    expect(texts('here-count')).toEqual(['2 of 2']);
    press(one('here-text'), 'Enter', { shiftKey: true });
    expect(texts('here-count')).toEqual(['1 of 2']);
    const [message] = all('message');
    message!.focus();
    press(message!, 'ㅜ', { code: 'KeyN' });
    expect(texts('here-count')).toEqual(['2 of 2']);
    press(message!, 'N', { code: 'KeyN', shiftKey: true });
    expect(texts('here-count')).toEqual(['1 of 2']);
    press(one('here-newer'), 'Escape');
    expect(all('here')).toEqual([]);
    expect(document.activeElement).toBe(one('composer-input'));
    expect(router.now.chosen).toBe('trip');
  });
});

describe('emoji', () => {
  it('are found in both languages and land where the cursor stands', async () => {
    const { node } = await open('home-en', ['rooms', 'trip']);
    await found('message');
    type('composer-input', 'tea time');
    const area = one('composer-input') as HTMLTextAreaElement;
    area.setSelectionRange(3, 3);
    press(document.body, 'J', { code: 'KeyJ', ctrlKey: true, shiftKey: true });
    expect(document.activeElement).toBe(one('emoji-search'));
    await found('emoji-group');
    await seen(() => expect(all('emoji').length).toBeGreaterThan(100));
    for (const [query, expected] of [['tangerine', '🍊'], ['감귤', '🍊'], ['호랑이', '🐯'], ['tiger', '🐯']] as const) {
      type('emoji-search', query);
      expect(texts('emoji'), query).toContain(expected);
    }
    type('emoji-search', 'tangerine');
    press(one('emoji-search'), 'Enter');
    expect(area.value).toBe('tea🍊 time');
    press(one('emoji-search'), 'Escape');
    expect(all('emoji-picker')).toEqual([]);
    expect(document.activeElement).toBe(area);
    const kept = node.calls.filter((call) => call.method === 'setting_set').map((call) => call.params as { key: string; value: string });
    expect(kept.filter(({ key }) => key === 'ui.emoji')).toEqual([{ key: 'ui.emoji', value: '{"recent":["🍊"],"skin":0}' }]);
  });

  it('move by arrows, keep a skin tone and those used lately', async () => {
    await open('home-en', ['rooms', 'trip']);
    await found('message');
    click(one('composer-emoji'));
    await seen(() => expect(all('emoji').length).toBeGreaterThan(100));
    type('emoji-search', 'thumbs up');
    click(all('emoji-tone')[5]!);
    press(one('emoji-search'), 'ArrowDown');
    expect(document.activeElement).toBe(all('emoji')[0]);
    click(all('emoji')[0]!);
    expect((one('composer-input') as HTMLTextAreaElement).value).toBe('👍🏿');
    type('emoji-search', '');
    click(one('emoji-recent'));
    expect(texts('emoji')).toEqual(['👍🏿']);
    click(all('emoji-group')[1]!);
    click(all('emoji')[4]!);
    click(one('emoji-recent'));
    expect(all('emoji')).toHaveLength(2);
    click(all('emoji')[1]!);
    expect(document.activeElement).toBe(all('emoji')[1]);
    click(all('emoji-group')[0]!);
    all('emoji')[0]!.focus();
    for (const [key, at] of [['ArrowRight', 1], ['ArrowDown', 10], ['ArrowUp', 1], ['End', all('emoji').length - 1], ['Home', 0]] as const) {
      press(document.activeElement!, key);
      expect(document.activeElement, key).toBe(all('emoji')[at]);
    }
    document.body.dispatchEvent(new Event('pointerdown', { bubbles: true }));
    flushSync();
    expect(all('emoji-picker')).toEqual([]);
    expect(document.activeElement).toBe(one('composer-input'));
    click(one('composer-emoji'));
    await seen(() => expect(all('emoji').length).toBe(2));
    click(all('emoji')[0]!);
    expect(all('emoji')).toHaveLength(2);
    press(one('composer-input'), 'Escape');
    expect(all('emoji-picker')).toEqual([]);
    expect(router.now.chosen).toBe('trip');
  });
});

describe('the menu of a message', () => {
  const message = (text: string) => all('message').find((each) => each.textContent.includes(text))!;

  it('opens by the mouse and by the keyboard, and gives the focus back', async () => {
    await open('home-en', ['rooms', 'trip']);
    await found('message');
    const row = message('silver grass');
    row.focus();
    press(row, 'F10', { shiftKey: true });
    expect(texts('message-menu')).toEqual(['Copy text']);
    expect(document.activeElement).toBe(one('menu-copy'));
    press(document.activeElement!, 'Escape');
    expect(all('message-menu')).toEqual([]);
    expect(document.activeElement).toBe(row);
    const own = message('I will print the map');
    own.dispatchEvent(new MouseEvent('contextmenu', { bubbles: true, cancelable: true, clientX: 9, clientY: 9 }));
    flushSync();
    expect(all('message-menu').flatMap((menu) => [...menu.querySelectorAll('button')].map((each) => each.dataset['testid']))).toEqual(['menu-copy', 'menu-rewrite', 'menu-info']);
    press(document.activeElement!, 'ArrowUp');
    expect(document.activeElement).toBe(one('menu-info'));
    press(document.activeElement!, 'w');
    expect(document.activeElement).toBe(one('menu-rewrite'));
    click(one('menu-rewrite'));
    expect((one('composer-input') as HTMLTextAreaElement).value).toBe('I will print the map.');
    click(own.querySelector<HTMLElement>('[data-testid="message-more"]')!);
    click(one('menu-info'));
    await found('message-info');
  });

  it('is not there for a message that holds nothing', async () => {
    await open('home-en', ['rooms', 'trip']);
    await found('message');
    press(message('was deleted'), 'ContextMenu');
    expect(all('message-menu')).toEqual([]);
  });
});

describe('notifications', () => {
  const kept = (node: FakeNode) => node.calls.flatMap((call) => (call.method === 'setting_set' ? [call.params] : []));

  it('say as much as was chosen, and nothing for a while', async () => {
    const { node } = await open('home-en', ['settings', 'notices']);
    click(one('notices-privacy').querySelector<HTMLElement>('[data-value="name"]')!);
    click(one('quiet-hour'));
    await seen(() => expect(document.activeElement).toBe(one('quiet-off')));
    expect(texts('notices-until')[0]).toMatch(/^Nothing is shown until /u);
    node.failures.set('setting_set', 'disk_full');
    click(one('quiet-off'));
    await found('toast');
    expect(texts('notices-until')[0]).toMatch(/^Nothing is shown until /u);
    node.failures.clear();
    click(one('quiet-off'));
    await seen(() => expect(document.activeElement).toBe(one('quiet-hour')));
    expect(texts('notices-until')).toEqual(['Notifications are shown.']);
    click(one('quiet-always'));
    await seen(() => expect(kept(node)).toHaveLength(5));
    expect(kept(node)).toMatchObject([{ key: 'notify.privacy', value: 'name' }, { key: 'notify.quiet_until' }, { value: null }, { value: null }, { key: 'notify.quiet_until', value: 'always' }]);
  });

  it('are silent for a muted room, which counts nowhere but in the list', async () => {
    const { node, session } = await open('home-en', ['rooms', 'r-mina']);
    await found('message');
    await seen(() => expect(node.calls.some((call) => JSON.stringify(call.params) === '{"key":"notify.mute.trip"}')).toBe(true));
    const before = session.rooms.unreadRooms;
    click(one('room-mute'));
    click(one('mute-day'));
    await seen(() => expect(session.rooms.unreadRooms).toBe(before - 1));
    const row = all('room-row').find((each) => each.dataset['room'] === 'r-mina')!;
    expect(row.textContent).toContain('Muted');
    expect(row.querySelector('.pill.is-quiet')).not.toBeNull();
    expect(kept(node)).toMatchObject([{ key: 'notify.mute.r-mina', value: expect.stringMatching(/^\d{13}$/u) }]);
    click(one('room-mute'));
    await seen(() => expect(session.rooms.unreadRooms).toBe(before));
    await seen(() => expect(kept(node).at(-1)).toEqual({ key: 'notify.mute.r-mina', value: null }));
  });
});

describe('the Enter key', () => {
  it('makes a new line where that was chosen, and says so', async () => {
    const { node, session } = await open('home-en', ['settings', 'display']);
    click(one('settings-enter').querySelector<HTMLElement>('[data-value="newline"]')!);
    await seen(() => expect(node.calls.at(-1)?.params).toEqual({ key: 'ui.enter', value: 'newline' }));
    router.go('rooms', 'r-mina');
    await found('message');
    type('composer-input', 'two lines');
    press(one('composer-input'), 'Enter');
    expect(node.calls.some((call) => call.method === 'message_send')).toBe(false);
    expect(one('composer-input').title).toBe('Ctrl+Enter sends, Enter makes a new line');
    press(one('composer-input'), 'Enter', { ctrlKey: true });
    await seen(() => expect(node.calls.some((call) => call.method === 'message_send')).toBe(true));
    await session.settings.load();
    expect(session.settings.enterSends).toBe(false);
  });
});

