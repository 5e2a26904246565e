// Scenes for looking at the page: the rooms and people of the drawings, in Korean and English.
// Never in a release. Invariant: a scene depends on nothing but its name and the given moment.

import type { Friend, Message, Room } from './bindings';
import { emptySeed, type Seed } from './fake';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

interface Words {
  me: string;
  people: [id: string, name: string][];
  trip: string;
  reading: string;
  greeting: string;
  laptop: string;
  talk: [sender: string, text: string, agoMinutes: number, more?: Partial<Message>][];
  lines: Record<string, string>;
}

const KO: Words = {
  me: '이서연',
  people: [['mina', '김미나'], ['junho', '박준호'], ['haeun', '최하은'], ['daniel', 'Daniel Reyes'], ['doyun', '정도윤'], ['halmoni', '할머니'], ['cheolsu', '김철수'], ['emma', 'Emma Larsen'], ['minseo', '강민서'], ['eunbyeol', '고은별'], ['chaerin', '김채린']],
  trip: '제주 가을 여행',
  reading: '수요 독서 모임',
  greeting: '지난주 독서 모임에서 뵌 오지훈이에요. 반가웠어요!',
  laptop: '미나의 노트북',
  talk: [
    ['daniel', 'Hi everyone, thanks for having me. 잘 부탁드려요!', 1760],
    ['mina', '환영해요 Daniel! 배표는 준호가 끊어 뒀어요.', 1758],
    ['me', '고마워! 숙소는 애월 쪽 돌담집으로 잡았어. 마당에 감나무가 있대.', 1750, { state: 'read', unread: 0 }],
    ['haeun', '', 1730, { deleted: true, text: null }],
    ['mina', '아 그리고 토요일 저녁은 동문시장에서 먹자. 고기국수 먹고 싶어.', 1012, { late: true, unread: 2 }],
    ['haeun', '답사 다녀왔어요. 억새가 지금 딱 좋아요.', 52, { unread: 1 }],
    ['haeun', '사진은 저녁에 정리해서 올릴게요.', 52, { unread: 1 }],
    ['me', '와, 새별오름이네? 토요일 일정에 넣자.', 48, { state: 'delivered', unread: 1, edited: true }],
    ['daniel', 'Shall I book the car? Five seats?', 39, { unread: 3 }],
    ['doyun', '터미널 지도는 여기 있어요: https://madang.example/map?to=jeju', 38, { unread: 4 }],
    ['me', '5인승 좋아! 카시트는 없어도 돼.', 37, { state: 'relayed', unread: 5 }],
    ['me', '터미널에서 만나는 시간도 정하자.', 37, { state: 'sending', unread: 5 }],
    ['me', '지도는 내가 인쇄해 갈게.', 36, { state: 'failed', unread: null, reason: 'refused' }],
  ],
  lines: { halmoni: '김장은 언제 올 거니? 배추 다 절여 놨다', mina: '내일 뭐 입고 갈 거야?', self: '감식초 — 감 3kg, 항아리 소독, 3개월', cheolsu: '네, 확인했습니다. 내일 뵐게요', emma: 'The moon jar arrived safely. Thank you!', reading: '이번 달은 『토지』 1권이에요' },
};

const EN: Words = {
  me: 'Seoyeon Lee',
  people: [['mina', 'Mina Kim'], ['junho', 'Junho Park'], ['haeun', 'Haeun Choi'], ['daniel', 'Daniel Reyes'], ['doyun', 'Doyun Jung'], ['halmoni', 'Grandma'], ['cheolsu', '김철수'], ['emma', 'Emma Larsen'], ['minseo', 'Minseo Kang'], ['eunbyeol', 'Eunbyeol Ko'], ['chaerin', 'Chaerin Kim']],
  trip: 'Autumn in Jeju',
  reading: 'Wednesday readers',
  greeting: 'Hi, we met at the book club last week. I am Jihoon.',
  laptop: 'Mina’s laptop',
  talk: [
    ['daniel', 'Hi everyone, thanks for having me!', 1760],
    ['mina', 'Welcome, Daniel! Junho has the ferry tickets.', 1758],
    ['me', 'Thank you! I found a stone-walled house near Aewol. It has a persimmon tree in the yard.', 1750, { state: 'read', unread: 0 }],
    ['haeun', '', 1730, { deleted: true, text: null }],
    ['mina', 'And let us have dinner at Dongmun market on Saturday. I want noodles.', 1012, { late: true, unread: 2 }],
    ['haeun', 'Back from the hills. The silver grass is perfect right now.', 52, { unread: 1 }],
    ['haeun', 'I will sort the photos tonight.', 52, { unread: 1 }],
    ['me', 'Is that Saebyeol? Let us put it on Saturday.', 48, { state: 'delivered', unread: 1, edited: true }],
    ['daniel', 'Shall I book the car? Five seats?', 39, { unread: 3 }],
    ['doyun', 'Here is the map of the terminal: https://madang.example/map?to=jeju', 38, { unread: 4 }],
    ['me', 'Five seats is fine! No child seat needed.', 37, { state: 'relayed', unread: 5 }],
    ['me', 'Let us also fix a time to meet at the terminal.', 37, { state: 'sending', unread: 5 }],
    ['me', 'I will print the map.', 36, { state: 'failed', unread: null, reason: 'refused' }],
  ],
  lines: { halmoni: 'When will you come for kimjang? The cabbage is salted', mina: 'What will you wear tomorrow?', self: 'Persimmon vinegar — 3 kg, boil the jar, 3 months', cheolsu: '네, 확인했습니다. 내일 뵐게요', emma: 'The moon jar arrived safely. Thank you!', reading: 'This month: The Land, volume 1' },
};

function home(words: Words, now: number): Seed {
  const name = (id: string) => words.people.find(([each]) => each === id)?.[1] ?? words.me;
  let last = 0;
  const message = (room: string, sender: string, text: string, ago: number, more: Partial<Message> = {}): Message => {
    last += 1;
    return { message: `m${last}`, room, sender, sender_name: name(sender), text, at: now - ago * MINUTE, kind: 'text', state: null, unread: null, late: false, edited: false, deleted: false, reply: null, reactions: [], ...more };
  };
  const friends: Friend[] = words.people.map(([account, each], i) => ({ account, name: each, alias: null, favourite: i < 1 || account === 'halmoni' || account === 'daniel', hidden: false, blocked: false, room: `r-${account}` }));
  const direct = (peer: string, unread: number): Omit<Room, 'last'> => ({ room: `r-${peer}`, kind: 'direct', title: name(peer), peer, unread, members: 2, missing: 0, incomplete_keys: 0 });
  const group = (room: string, title: string, members: number, unread: number): Omit<Room, 'last'> => ({ room, kind: 'group', title, peer: null, unread, members, missing: room === 'trip' ? 2 : 0, incomplete_keys: 0 });
  const lines: [room: string, sender: string, key: string, ago: number, more?: Partial<Message>][] = [['r-emma', 'emma', 'emma', 1500], ['reading', 'haeun', 'reading', 4400], ['r-cheolsu', 'cheolsu', 'cheolsu', 1300], ['self', 'me', 'self', 312], ['r-mina', 'mina', 'mina', 90], ['r-halmoni', 'halmoni', 'halmoni', 70]];
  const messages = [
    ...Array.from({ length: 180 }, (_, i) => message('reading', i % 3 === 0 ? 'me' : 'haeun', `${words.lines['reading'] ?? ''} (${i + 1})`, 9000 - i * 7, i % 3 === 0 ? { state: 'read', unread: 0 } : {})),
    ...words.talk.map(([sender, text, ago, more]) => message('trip', sender, text, ago, more)),
    ...lines.map(([room, sender, key, ago, more]) => message(room, sender, words.lines[key] ?? '', ago, more)),
  ];
  return {
    ...emptySeed(),
    home: 'running',
    name: words.me,
    friends,
    requests: [{ request: 'q1', account: 'jihoon', name: words === KO ? '오지훈' : 'Jihoon Oh', greeting: words.greeting, at: now - 3 * HOUR }],
    rooms: [group('trip', words.trip, 6, 2), direct('halmoni', 1), direct('mina', 1), direct('cheolsu', 0), direct('emma', 0), group('reading', words.reading, 8, 0), { room: 'self', kind: 'self', title: '', peer: null, unread: 0, members: 1, missing: 0, incomplete_keys: 0 }],
    messages,
    gaps: [{ room: 'trip', account: 'mina', device: 'mina-1', device_name: words.laptop, count: 2, since: now - 44 * MINUTE, closed: false, reason: null }],
    relays: [
      { addr: '/dns4/hanok.example/tcp/4001/p2p/12D3KooWHanokRelay1111111111111111111111111111111111', state: 'connected', reason: null },
      { addr: '/dns4/dure.example/tcp/4001/p2p/12D3KooWDureRelay22222222222222222222222222222222222', state: 'connected', reason: null },
    ],
    peers: [
      { account: 'mina', device: 'mina-1', path: 'direct', rtt_ms: 1 },
      { account: 'doyun', device: 'doyun-1', path: 'direct', rtt_ms: 11 },
      { account: 'haeun', device: 'haeun-1', path: 'relayed', rtt_ms: 23 },
    ],
  };
}

/** The seed of a scene, `home`, `fresh`, `locked`, `offline` or `clock`, in Korean or, behind `-en`, in English. */
export function scene(name: string, now: number): Seed {
  const [what, tongue] = name.split('-');
  const seed = home(tongue === 'en' ? EN : KO, now);
  switch (what) {
    case 'fresh':
      return emptySeed();
    case 'locked':
      return { ...seed, home: 'locked', passphrase: 'persimmon' };
    case 'offline':
      return { ...seed, peers: [], relays: seed.relays.map((relay) => ({ ...relay, state: 'failed', reason: 'peer cannot be reached: Dial error: no addresses for peer.' })) };
    case 'clock':
      return { ...seed, clockOffset: 130_000 };
    default:
      return seed;
  }
}
