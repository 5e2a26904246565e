import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Gap, Message, Room } from '../../lib/api/bindings';
import { Client } from '../../lib/api/client';
import { emptySeed, FakeNode, type Seed } from '../../lib/api/fake';
import { gapLead, gapLine } from './gap';
import { READ_AFTER_MS, Reading } from './reading';
import { layOut, type Layout } from './rows';
import { firstUnread, PAGE, ROWS_MAX, Timeline } from './timeline.svelte';
import { summarize } from './why';

const BASE = new Date('2026-11-20T09:00:00').getTime();
const MINUTE = 60_000;

function message(n: number, sender: string, more: Partial<Message> = {}): Message {
  return { message: `m${n}`, room: 'r', sender, sender_name: sender, text: `text ${n}`, at: BASE + n * MINUTE, kind: 'text', state: null, unread: null, late: false, edited: false, deleted: false, reply: null, reactions: [], ...more };
}

const plain: Layout = { me: 'alice', gaps: [], unreadFrom: null, unreadCount: 0, atOldest: true, atNewest: true };

describe('rows', () => {
  it('begins every day with a line', () => {
    const rows = layOut([message(0, 'bob'), message(1, 'bob', { at: BASE + 24 * 60 * MINUTE })], plain);
    expect(rows.map((row) => row.kind)).toEqual(['day', 'message', 'day', 'message']);
  });

  it('groups one sender within one minute and shows the time at its end', () => {
    const rows = layOut([message(0, 'bob'), message(1, 'bob', { at: BASE + 10 }), message(2, 'alice', { at: BASE + 20 }), message(3, 'bob', { at: BASE + MINUTE })], plain);
    const shown = rows.flatMap((row) => (row.kind === 'message' ? [[row.key, row.close, row.showTime, row.self]] : []));
    expect(shown).toEqual([['m0', false, false, false], ['m1', true, true, false], ['m2', false, true, true], ['m3', false, true, false]]);
  });

  it('breaks a group at the unread line', () => {
    const rows = layOut([message(0, 'bob'), message(1, 'bob', { at: BASE + 10 })], { ...plain, unreadFrom: 'm1', unreadCount: 1 });
    expect(rows.map((row) => row.kind)).toEqual(['day', 'message', 'unread', 'message']);
    expect(rows.at(1)).toMatchObject({ showTime: true });
    expect(rows.at(3)).toMatchObject({ close: false });
  });

  it('shows every gap once, in its place', () => {
    const gap = (since: number): Gap => ({ room: 'r', account: 'bob', device: `d${since}`, device_name: 'laptop', count: 2, since, closed: false, reason: null });
    const messages = [message(0, 'bob'), message(5, 'bob')];
    const rows = layOut(messages, { ...plain, gaps: [gap(BASE - 1), gap(BASE + MINUTE), gap(BASE + 60 * MINUTE)] });
    expect(rows.map((row) => row.kind)).toEqual(['day', 'gap', 'message', 'gap', 'message', 'gap']);
    const inside = layOut(messages, { ...plain, atOldest: false, atNewest: false, gaps: [gap(BASE - 1), gap(BASE + 60 * MINUTE)] });
    expect(inside.map((row) => row.kind)).toEqual(['day', 'message', 'message']);
  });
});

describe('the line of missing messages', () => {
  const gap = (more: Partial<Gap>): Gap => ({ room: 'r', account: 'bob', device: 'd', device_name: 'laptop', count: 2, since: BASE, closed: false, reason: null, ...more });

  it('says why', () => {
    expect(gapLine(gap({}), 'Bob')).toBe('2 messages from laptop are on their way');
    expect(gapLine(gap({ reason: 'clock' }), 'Bob')).toBe('2 messages from laptop are from the future: its clock is ahead');
    expect(gapLine(gap({ closed: true }), 'Bob')).toBe('2 messages from laptop were never delivered');
    expect(gapLead(gap({ reason: 'clock' }))).not.toBe(gapLead(gap({})));
  });
});

describe('first unread message', () => {
  it('counts only what others wrote', () => {
    const rows = [message(0, 'bob'), message(1, 'alice'), message(2, 'bob'), message(3, 'alice')];
    expect(firstUnread(rows, 1, 'alice')).toBe('m2');
    expect(firstUnread(rows, 2, 'alice')).toBe('m0');
    expect(firstUnread(rows, 3, 'alice')).toBeNull();
    expect(firstUnread(rows, 0, 'alice')).toBeNull();
  });
});

describe('timeline', () => {
  let node: FakeNode;
  let client: Client;
  let timeline: Timeline;
  const room = (unread = 0): Room => ({ ...node.seed.rooms[0]!, unread, last: null });
  const ids = () => timeline.rows.map((row) => row.message);

  async function start(count: number): Promise<void> {
    const seed: Seed = {
      ...emptySeed(),
      home: 'running',
      account: 'alice',
      name: 'Alice',
      rooms: [{ room: 'r', kind: 'direct', title: 'Bob', peer: 'bob', unread: 0, members: 2, missing: 0, incomplete_keys: 0 }],
      messages: Array.from({ length: count }, (_, i) => message(i, i % 2 === 0 ? 'bob' : 'alice')),
    };
    node = new FakeNode(seed, () => BASE + 10_000 * MINUTE);
    client = new Client(node);
    timeline = new Timeline(client, () => 'alice');
    await client.start();
    client.on((event) => void timeline.hear(event));
  }

  it('opens at the newest page and loads older ones to the beginning', async () => {
    await start(120);
    await timeline.open(room(), null);
    expect(ids()).toHaveLength(PAGE);
    expect(ids().at(-1)).toBe('m119');
    expect(timeline.atNewest).toBe(true);
    await timeline.older();
    await timeline.older();
    expect(ids()).toEqual(Array.from({ length: 120 }, (_, i) => `m${i}`));
    expect(timeline.atOldest).toBe(true);
  });

  it('opens with the first unread message in the window', async () => {
    await start(300);
    await timeline.open(room(60), null);
    expect(timeline.unreadFrom).toBe('m180');
    expect(ids()).toContain('m180');
    expect(timeline.unreadCount).toBe(60);
  });

  it('never keeps more rows than its bound, and stays one unbroken stretch', async () => {
    await start(1_000);
    await timeline.open(room(), null);
    for (let i = 0; i < 8; i += 1) await timeline.older();
    expect(ids()).toHaveLength(ROWS_MAX);
    expect(timeline.atNewest).toBe(false);
    expect(ids()).toEqual(Array.from({ length: ROWS_MAX }, (_, i) => `m${550 + i}`));
    for (let i = 0; i < 4; i += 1) await timeline.newer();
    expect(ids().at(-1)).toBe('m999');
    expect(ids()).toHaveLength(ROWS_MAX);
    await timeline.newer();
    expect(timeline.atNewest).toBe(true);
  });

  it('adds a new message at the end and says it once', async () => {
    await start(3);
    await timeline.open(room(), null);
    node.receive('r', 'bob', 'Bob', 'hello');
    await vi.waitFor(() => expect(timeline.rows.at(-1)?.text).toBe('hello'));
    expect(timeline.heard?.text).toBe('hello');
    expect(timeline.below).toBe(1);
    expect(ids()).toHaveLength(4);
  });

  it('puts a late message in its true place and remembers it', async () => {
    await start(5);
    await timeline.open(room(), null);
    const late = node.receive('r', 'bob', 'Bob', 'late', { at: BASE + MINUTE + 1, late: true });
    await vi.waitFor(() => expect(ids()).toContain(late.message));
    expect(ids().indexOf(late.message)).toBe(2);
    expect(timeline.late?.message).toBe(late.message);
  });

  it('follows the delivery of a message', async () => {
    await start(2);
    await timeline.open(room(), null);
    const { message: sent } = await client.call('message_send', { room: 'r', text: 'hi', count: null, reply: null });
    await vi.waitFor(() => expect(timeline.rows.at(-1)).toMatchObject({ message: sent, state: 'sending', unread: 1 }));
    node.advance(sent, { state: 'read', unread: 0 });
    await vi.waitFor(() => expect(timeline.rows.at(-1)).toMatchObject({ state: 'read', unread: 0 }));
  });

  it('counts what arrives below a window that does not reach the end', async () => {
    await start(400);
    await timeline.open(room(), null);
    for (let i = 0; i < 6; i += 1) await timeline.older();
    expect(timeline.atNewest).toBe(false);
    node.receive('r', 'bob', 'Bob', 'far below');
    await timeline.reload();
    expect(timeline.below).toBe(1);
    expect(ids()).not.toContain('new-1');
    await timeline.newest();
    expect(timeline.rows.at(-1)?.text).toBe('far below');
    expect(timeline.below).toBe(0);
  });

  it('loads the window around a message that is far away', async () => {
    await start(500);
    for (const [wanted, first, last] of [['m100', 51, 150], ['m0', 0, 50], ['m499', 450, 499]] as const) {
      await timeline.open(room(), wanted);
      await vi.waitFor(() => expect(timeline.target).toBe(wanted));
      expect(ids()).toEqual(Array.from({ length: last - first + 1 }, (_, i) => `m${first + i}`));
      expect([timeline.atOldest, timeline.atNewest]).toEqual([first === 0, last === 499]);
    }
  });

  it('reads the window again after lost events', async () => {
    await start(4);
    await timeline.open(room(), null);
    node.seed.messages[1]!.text = 'changed';
    node.emit({ event: 'resync', missed: 9 });
    await vi.waitFor(() => expect(timeline.rows[1]?.text).toBe('changed'));
  });

  it('shows nothing of a room that was left while it loaded', async () => {
    await start(4);
    const opened = timeline.open(room(), null);
    timeline.close();
    await opened;
    expect(timeline.rows).toEqual([]);
    expect(timeline.loaded).toBe(false);
  });
});

describe('reading', () => {
  const mark = vi.fn();
  const seen = { room: 'r', newest: 'm1', focused: true, unread: true };

  beforeEach(() => {
    vi.useFakeTimers();
    mark.mockReset();
    return () => vi.useRealTimers();
  });

  it('marks after a second and only once', () => {
    const reading = new Reading(mark);
    reading.see(seen);
    reading.see({ ...seen });
    vi.advanceTimersByTime(READ_AFTER_MS - 1);
    expect(mark).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(mark.mock.calls).toEqual([['r', 'm1']]);
  });

  it.each([
    ['the window loses the focus', { focused: false }],
    ['the newest message leaves the screen', { newest: null }],
    ['the room is left', { room: null }],
    ['nothing is unread', { unread: false }],
  ])('does not mark when %s', (_, change) => {
    const reading = new Reading(mark);
    reading.see(seen);
    reading.see({ ...seen, ...change });
    vi.advanceTimersByTime(READ_AFTER_MS * 2);
    expect(mark).not.toHaveBeenCalled();
  });

  it('starts again for a newer message', () => {
    const reading = new Reading(mark);
    reading.see(seen);
    vi.advanceTimersByTime(READ_AFTER_MS / 2);
    reading.see({ ...seen, newest: 'm2' });
    vi.advanceTimersByTime(READ_AFTER_MS);
    expect(mark.mock.calls).toEqual([['r', 'm2']]);
  });
});

describe('where a message is', () => {
  it('counts a person once and puts those who wait first', () => {
    const device = (account: string, n: number, state: 'queued' | 'relayed' | 'delivered' | 'read', at: number) => ({ account, device: `${account}${n}`, state, at, reason: null });
    const sum = summarize([device('bob', 1, 'read', 30), device('bob', 2, 'delivered', 20), device('carol', 1, 'relayed', 10), device('dave', 1, 'queued', 0)]);
    expect(sum).toMatchObject({ machines: 4, relayed: 1, reached: 2, read: 1, relayedAt: 10, reachedAt: 20 });
    expect(sum.people.map((person) => person.account)).toEqual(['carol', 'dave', 'bob']);
    expect(summarize([device('bob', 1, 'read', 30)]), 'what came directly was at no relay').toMatchObject({ relayed: 0, relayedAt: 0, reached: 1 });
    expect(summarize([])).toMatchObject({ machines: 0, people: [], reachedAt: 0 });
  });
});
