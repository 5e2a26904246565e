import { beforeEach, describe, expect, it, vi } from 'vitest';
import { Client } from '../../lib/api/client';
import { FakeNode } from '../../lib/api/fake';
import { scene } from '../../lib/api/fake_scenes';
import { Finder, placesOf, PLACES_MAX, type Sources } from './finder.svelte';

const NOW = new Date('2026-11-20T14:30:00').getTime();
let node: FakeNode;
let client: Client;
let finder: Finder;

beforeEach(() => {
  node = new FakeNode(scene('home-ko', NOW), () => NOW);
  client = new Client(node);
  finder = new Finder(client, () => NOW);
});

describe('finder', () => {
  it('finds messages, newest first, and narrows them', async () => {
    await finder.find('토요일');
    expect(finder.hits.map((hit) => hit.sender)).toEqual(['me', 'mina']);
    await finder.narrow('mina', null);
    expect(finder.hits.map((hit) => hit.sender)).toEqual(['mina']);
    await finder.narrow(null, 'reading');
    expect(finder.hits).toEqual([]);
    expect(finder.busy).toBe(false);
  });

  it('answers only the text that is typed now', async () => {
    const asked = [finder.find('토'), finder.find('토요일'), finder.find('감나무')];
    await Promise.all(asked);
    expect(finder.hits.map((hit) => hit.text)).toEqual(['고마워! 숙소는 애월 쪽 돌담집으로 잡았어. 마당에 감나무가 있대.']);
    expect(node.calls.filter((call) => call.method === 'search').length).toBeLessThan(4);
  });

  it('asks nothing for an empty text and says what failed', async () => {
    await finder.find('  ');
    expect(node.calls).toEqual([]);
    node.failures.set('search', 'damaged');
    await finder.find('토요일');
    expect([finder.failed?.code, finder.busy, finder.hits.length]).toEqual(['damaged', false, 0]);
  });

  it('shows what stands around a hit', async () => {
    await finder.find('새별오름');
    const [hit] = finder.hits;
    await finder.lookAround(hit!);
    expect(finder.around).toHaveLength(7);
    expect(finder.around[3]).toEqual(hit);
    const first = finder.lookAround(hit!);
    await finder.find('감나무');
    await Promise.all([first, finder.lookAround(finder.hits[0]!)]);
    expect(finder.around.map((each) => each.text)).toContain(finder.hits[0]!.text);
  });
});

describe('places', () => {
  const sources = async (): Promise<Sources> => ({
    rooms: await client.call('room_list', {}),
    friends: await client.call('friend_list', {}),
    titleOf: (room) => (room.kind === 'self' ? '나와의 채팅' : room.title),
    nameOf: (friend) => friend.alias ?? friend.name,
    deeds: [],
  });

  it('are the latest rooms while nothing is typed', async () => {
    const entries = placesOf('', await sources());
    expect(entries).toHaveLength(PLACES_MAX);
    expect(entries[0]).toMatchObject({ kind: 'room', title: '제주 가을 여행' });
  });

  it('know initial consonants, and show a friend with a 1:1 once', async () => {
    expect(placesOf('ㄱㅊ', await sources()).map((entry) => entry.key)).toEqual(['room r-cheolsu', 'friend chaerin']);
    node.seed.friends.find((friend) => friend.account === 'chaerin')!.blocked = true;
    expect(placesOf('ㄱㅊ', await sources()).map((entry) => entry.key)).toEqual(['room r-cheolsu']);
  });
});

describe('a look that was overtaken', () => {
  it('leaves no trace', async () => {
    const slow = vi.spyOn(node, 'call').mockImplementationOnce(async () => Promise.reject({ code: 'internal', message: '', retry: false }));
    const first = finder.find('a');
    const second = finder.find('토요일');
    await Promise.all([first, second]);
    expect(slow).toHaveBeenCalled();
    expect([finder.failed, finder.hits.length]).toEqual([null, 2]);
  });
});
