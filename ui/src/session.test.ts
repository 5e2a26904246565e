import { describe, expect, it, vi } from 'vitest';
import { askWords, isWord } from './features/account/phrase';
import { filterFriends } from './features/friends/store.svelte';
import { checksOf, duration } from './features/network/checks';
import { relayName } from './features/network/reach';
import { reachOf } from './features/network/store.svelte';
import { filterRooms, neighbour } from './features/rooms/store.svelte';
import { readLanguage, readScale, readTheme } from './features/settings/store.svelte';
import type { Status } from './lib/api/bindings';
import { FakeNode } from './lib/api/fake';
import { scene } from './lib/api/fake_scenes';
import { language } from './lib/locale.svelte';
import { router } from './lib/route.svelte';
import { toasts } from './lib/ui/toasts.svelte';
import { Session } from './session.svelte';

const NOW = new Date('2026-11-20T14:30:00').getTime();

async function begin(name: string): Promise<{ node: FakeNode; session: Session }> {
  const node = new FakeNode(scene(name, NOW), () => NOW);
  const session = new Session(node);
  await session.start();
  return { node, session };
}

describe('account', () => {
  it('leads an empty home through the steps to the rooms', async () => {
    const { node, session } = await begin('fresh');
    expect(session.account.phase).toBe('empty');
    session.settings.chooseLanguageEarly('ko');
    await session.account.create({ name: 'Alice', passphrase: null });
    expect(session.account.phase).toBe('phrase');
    expect(session.account.created?.phrase).toHaveLength(24);
    await session.account.phraseDone(false, NOW);
    expect(session.account.created).toBeNull();
    expect(session.account.phase).toBe('invite');
    session.account.enter();
    expect(session.account.phase).toBe('running');
    await session.load();
    expect(language.shown).toBe('ko');
    expect(await node.call('setting_get', { key: 'ui.language' })).toEqual({ key: 'ui.language', value: 'ko' });
  });

  it('reminds of the phrase three days after one went on without it, once', async () => {
    const { session } = await begin('fresh');
    await session.account.create({ name: 'Alice', passphrase: null });
    await session.account.phraseDone(false, NOW);
    const days = (n: number) => NOW + n * 86_400_000;
    await session.account.checkReminder(days(2));
    expect(session.account.remind).toBe(false);
    await session.account.checkReminder(days(3));
    expect(session.account.remind).toBe(true);
    for (const written of [true, false]) {
      await session.account.phraseDone(false, NOW);
      await session.account.answerReminder(written);
      await session.account.checkReminder(days(30));
      expect(session.account.remind).toBe(false);
    }
  });

  it('opens a locked home with the right passphrase only', async () => {
    const { session } = await begin('locked');
    expect(session.account.phase).toBe('locked');
    expect(await session.account.unlock('wrong')).toMatchObject({ ok: false, error: { code: 'wrong_secret' } });
    expect(session.account.phase).toBe('locked');
    await session.account.unlock('persimmon');
    expect(session.account.phase).toBe('running');
    expect(session.account.me?.name).toBe('이서연');
  });

  it('stops at an error that nothing can go on with, and can try again', async () => {
    const node = new FakeNode(scene('home-ko', NOW), () => NOW);
    node.failures.set('home_state', 'in_use');
    const session = new Session(node);
    await session.start();
    expect(session.account).toMatchObject({ phase: 'fatal', error: { code: 'in_use' } });
    node.failures.clear();
    await session.start();
    expect(session.account.phase).toBe('running');
  });

  it('asks for three different words of the phrase', () => {
    let n = 0;
    const asked = askWords(24, () => [0, 0, 0.999][n++ % 3]!);
    expect(asked).toEqual([0, 1, 23]);
    expect(isWord(' Maple ', 'maple')).toBe(true);
    expect(isWord('maples', 'maple')).toBe(false);
  });
});

describe('friends and rooms', () => {
  it('takes snapshots and follows events', async () => {
    const { node, session } = await begin('ko');
    await session.load();
    expect(session.friends.requests).toHaveLength(1);
    expect(session.rooms.unreadRooms).toBe(3);
    node.seed.requests.push({ request: 'q2', account: 'x', name: 'X', greeting: '', at: NOW });
    node.emit({ event: 'request', ...node.seed.requests[1]! });
    await vi.waitFor(() => expect(session.friends.requests).toHaveLength(2));
    await session.friends.accept('q1');
    expect(session.friends.byAccount('jihoon')?.name).toBe('오지훈');
    await vi.waitFor(() => expect(session.rooms.byId('room-jihoon')).toBeDefined());
  });

  it('moves a room up and counts when a message comes', async () => {
    const { node, session } = await begin('ko');
    await session.load();
    expect(session.rooms.all[0]?.room).toBe('trip');
    node.receive('r-emma', 'emma', 'Emma Larsen', 'Hello');
    await vi.waitFor(() => expect(session.rooms.all[0]).toMatchObject({ room: 'r-emma', unread: 1, last: { text: 'Hello' } }));
  });

  it('takes every snapshot again after lost events', async () => {
    const { node, session } = await begin('ko');
    await session.load();
    node.calls.length = 0;
    node.emit({ event: 'resync', missed: 3 });
    await vi.waitFor(() => expect(node.calls.map((call) => call.method)).toEqual(expect.arrayContaining(['friend_list', 'friend_requests', 'room_list', 'status'])));
  });

  it('finds friends by initial consonants, in Korean order', () => {
    const { friends } = scene('home-ko', NOW);
    expect(filterFriends(friends, 'ㄱㅊ').map((friend) => friend.name)).toEqual(['김채린', '김철수']);
    expect(filterFriends(friends, '').at(0)?.name).toBe('강민서');
  });

  it('goes from room to room', async () => {
    const { session } = await begin('ko');
    await session.rooms.reload();
    const { all } = session.rooms;
    expect(neighbour(all, null, 1, false)?.room).toBe('trip');
    expect(neighbour(all, 'trip', 1, false)?.room).toBe('r-halmoni');
    expect(neighbour(all, 'trip', -1, false)).toBeUndefined();
    expect(neighbour(all, 'self', -1, true)?.room).toBe('r-mina');
    expect(filterRooms(all, 'ㅈㅈ').map((room) => room.room)).toEqual(['trip']);
  });

});

describe('what comes from outside', () => {
  it('only asks about a link', async () => {
    const { node, session } = await begin('ko');
    await session.load();
    node.calls.length = 0;
    node.emit({ event: 'link', link: 'madang://i#x' });
    await vi.waitFor(() => expect(session.askedLink).toBe('madang://i#x'));
    expect(node.calls).toEqual([]);
  });

  it('says how a request was answered', async () => {
    const { node } = await begin('ko');
    const said = () => toasts.shown.map((toast) => toast.text);
    node.emit({ event: 'answer', account: 'mina', accepted: true, code: null });
    await vi.waitFor(() => expect(said()).toContain('김미나 accepted your request.'));
    node.emit({ event: 'answer', account: 'x', accepted: false, code: 'invite_used' });
    await vi.waitFor(() => expect(said().at(-1)).toContain('This invite has been used already.'));
    node.emit({ event: 'answer', account: 'x', accepted: false, code: 'no_such_code' });
    await vi.waitFor(() => expect(said().at(-1)).toBe('Your friend request was not accepted.'));
  });

  it('says quietly which machines came and went, and looks again where they are shown', async () => {
    const { node, session } = await begin('ko');
    await session.load();
    node.calls.length = 0;
    const said = () => toasts.shown.map((toast) => toast.text);
    node.emit({ event: 'machines', account: 'mina', added: ['tablet'], removed: ['old laptop'] });
    await vi.waitFor(() => expect(said()).toContain('김미나: machine removed, old laptop'));
    expect(said()).toContain('김미나: new machine tablet');
    await vi.waitFor(() => expect(node.calls.map((call) => call.method)).toEqual(expect.arrayContaining(['status', 'net_why'])));
  });

  it('learns of a key that was not given to every machine', async () => {
    const { node, session } = await begin('ko');
    await session.load();
    node.seed.rooms[0]!.incomplete_keys = 1;
    node.emit({ event: 'incomplete_key', room: 'trip', maker: 'mina-1' });
    await vi.waitFor(() => expect(session.rooms.byId('trip')?.incomplete_keys).toBe(1));
  });

  it('goes to the room that is to be opened', async () => {
    const { node, session } = await begin('ko');
    node.emit({ event: 'open', room: 'r-mina', message: 'm5' });
    await vi.waitFor(() => expect(router.now).toEqual({ screen: 'rooms', chosen: 'r-mina' }));
    expect(session.askedMessage).toBe('m5');
  });
});

describe('settings', () => {
  it('keeps what was chosen and shows it', async () => {
    const { node, session } = await begin('ko');
    await session.settings.chooseTheme('dark');
    await session.settings.chooseScale(500);
    await session.settings.chooseLanguage('ko');
    expect(document.documentElement.dataset['theme']).toBe('dark');
    expect(document.documentElement.style.getPropertyValue('font-size')).toBe('200%');
    const again = new Session(node);
    await again.start();
    await again.settings.load();
    expect(again.settings).toMatchObject({ theme: 'dark', scale: 200 });
    await again.settings.chooseTheme('system');
    expect(document.documentElement.dataset['theme']).toBeUndefined();
  });

  it('reads nonsense as the default', () => {
    expect([readLanguage('fr'), readTheme('pink'), readScale('x'), readScale('1'), readScale(null)]).toEqual(['system', 'system', 100, 80, 100]);
  });
});

describe('network', () => {
  const status = (more: Partial<Status>): Status => ({ account: 'me', device: 'd', addrs: [], peers: [], relays: [], outbox: 0, repaired: 0, clock_offset_ms: null, ...more });
  const relay = (state: 'connected' | 'connecting' | 'failed') => ({ addr: '/dns4/hanok.example/tcp/1/p2p/x', state, reason: null });
  const peer = { account: 'bob', device: 'b', path: 'direct', rtt_ms: 1 };

  it('is offline only when neither a relay nor a friend can be reached', () => {
    expect(reachOf(null)).toBe('unknown');
    expect(reachOf(status({}))).toBe('alone');
    expect(reachOf(status({ relays: [relay('failed')] }))).toBe('offline');
    expect(reachOf(status({ relays: [relay('failed'), relay('connecting')] }))).toBe('connecting');
    expect(reachOf(status({ relays: [relay('failed')], peers: [peer] }))).toBe('connected');
    expect(reachOf(status({ relays: [relay('connected'), relay('failed')] }))).toBe('connected');
  });

  it('puts what is wrong first', () => {
    const checks = checksOf(status({ relays: [relay('failed')], clock_offset_ms: 130_000, peers: [peer], outbox: 2 }), 'en');
    expect(checks.map((check) => [check.id, check.kind])).toEqual([['clock', 'warn'], ['relay', 'warn'], ['outbox', 'info'], ['direct', 'ok']]);
    expect(checks[0]?.text).toContain('2 min 10 sec slow');
    expect(duration(130_000, 'ko')).toBe('2분 10초');
  });

  it('names relays by their host', () => {
    expect(relayName('/dns4/hanok.example/tcp/4001/p2p/12D3')).toBe('hanok.example');
    expect(relayName('/ip4/127.0.0.1/tcp/4001/p2p/12D3')).toBe('127.0.0.1:4001');
    expect(relayName('nonsense')).toBe('nonsense');
  });

  it('adds and removes relays', async () => {
    const { session } = await begin('ko');
    await session.network.reload();
    await expect(session.network.addRelay('/dns4/x.example/tcp/1', null)).rejects.toMatchObject({ code: 'usage' });
    await session.network.addRelay('/dns4/x.example/tcp/1/p2p/12D3', 'code');
    expect(session.network.status?.relays).toHaveLength(3);
    await session.network.removeRelay('/dns4/x.example/tcp/1/p2p/12D3');
    expect(session.network.status?.relays).toHaveLength(2);
  });
});

