import { describe, expect, it } from 'vitest';
import { language } from './locale.svelte';
import { m } from './paraglide/messages.js';
import { messageReason, pathReason, reasonLine, relayReason } from './reasons';

/** What the node says, and where it says it. */
const MESSAGE = ['at_other_relay', 'not_reached', 'waits_at_relay', 'relay_expired'];
const FAILED = ['not_member', 'too_large', 'clock', 'refused'];
const PATH = ['gossip', 'stream', 'repair', 'log', 'nothing_sent'];
/** The codes of `RErr`, protocol section 10.2. */
const RELAY = ['quota', 'token', 'pow', 'auth', 'admission', 'not_found', 'version', 'busy', 'too_large', 'bad_frame'];
/** What a broken connection to a relay is called by `p2p`, with the text of libp2p behind it. */
const CONNECTION: [string, () => string][] = [
  ['timed out', m.relay_reason_timed_out],
  ['stream closed', m.relay_reason_closed],
  ['connection closed', m.relay_reason_closed],
  ['owner has gone', m.relay_reason_closed],
  ['stream failed', m.relay_reason_closed],
  ['frame of 9 bytes is above the cap of 8', m.relay_reason_closed],
  ['protocol refused', m.relay_reason_no_relay],
  ['too many pending streams', m.relay_reason_busy_here],
  ['swarm has stopped', m.relay_reason_busy_here],
  ['peer cannot be reached: Dial error: no addresses for peer.', m.relay_reason_no_address],
  ['peer cannot be reached: Dial error: Unexpected peer ID 12D3KooWx at Dialer.', m.relay_reason_other_relay],
  ['peer cannot be reached: /ip4/127.0.0.1/tcp/1: Connection refused (os error 111)', m.relay_reason_unreachable],
  ['peer cannot be reached: /ip4/10.0.0.1/tcp/1: Timeout has been reached', m.relay_reason_timed_out],
];

describe('reasons', () => {
  it.each(['en', 'ko'] as const)('have a sentence with what to do for everything that the node says, in %s', (locale) => {
    language.choose(locale);
    const all = [
      ...[...MESSAGE, ...FAILED].map((said) => [said, messageReason(said), m.reason_other()] as const),
      ...PATH.map((said) => [said, pathReason(said), m.path_reason_other()] as const),
      ...[...RELAY, ...CONNECTION.map(([said]) => said)].map((said) => [said, relayReason(said), m.relay_reason_other()] as const),
    ];
    for (const [said, reason, other] of all) {
      expect(reason, said).toEqual({ text: reason.text, code: null });
      expect(reason.text, said).not.toBe(other);
      // What happened and what follows from it are two thoughts.
      expect(reason.text.split(/[.;,]\s|에요\. |어요\. |해요\. /u).length, `${said}: ${reason.text}`).toBeGreaterThan(1);
    }
  });

  it.each(CONNECTION)('say what %s means', (said, words) => {
    expect(relayReason(said).text).toBe(words());
  });

  it('without words are a general sentence, with what was said in small print', () => {
    expect(messageReason('moon_phase')).toEqual({ text: m.reason_other(), code: 'moon_phase' });
    expect(pathReason('constructor')).toEqual({ text: m.path_reason_other(), code: 'constructor' });
    expect(relayReason('toString')).toEqual({ text: m.relay_reason_other(), code: 'toString' });
    expect(reasonLine(messageReason('moon_phase'))).toBe(`${m.reason_other()} (moon_phase)`);
    expect(relayReason('x'.repeat(10_000)).code).toHaveLength(121);
  });
});
