import { describe, expect, it } from 'vitest';
import { Client } from '../../lib/api/client';
import { emptySeed, FakeNode } from '../../lib/api/fake';
import { endOf, NoticesStore, readPrivacy, readUntil } from './store.svelte';

describe('what was kept', () => {
  it.each([[null, null], ['always', 'always'], ['1001', 1001], ['1000', null], ['-5', null], ['soon', null], ['', null], ['1e9', null]] as const)('%s reads as %s', (value, expected) => {
    expect(readUntil(value, 1_000)).toBe(expected);
  });

  it('is the default where it is not understood', () => {
    expect(['name', 'none', 'full', 'all', null].map(readPrivacy)).toEqual(['name', 'none', 'full', 'full', 'full']);
    expect([endOf('hour', 0), endOf('hours', 0), endOf('day', 0), endOf('always', 0)]).toEqual([3_600_000, 28_800_000, 86_400_000, 'always']);
  });
});

describe('notifications', () => {
  it('are loaded, and end by themselves', async () => {
    let now = 1_000;
    const node = new FakeNode({ ...emptySeed(), home: 'running' }, () => now);
    const client = new Client(node);
    const set = (key: string, value: string) => client.call('setting_set', { key, value });
    await Promise.all([set('notify.privacy', 'none'), set('notify.quiet_until', '2000'), set('notify.mute.a', '3000'), set('notify.mute.b', 'always'), set('notify.mute.c', '999')]);
    const notices = new NoticesStore(client, () => now);
    await notices.load();
    await notices.learn(['a', 'b', 'c']);
    expect([notices.privacy, notices.quiet, [...notices.muted]]).toEqual(['none', 2000, [['a', 3000], ['b', 'always']]]);
    const asked = node.calls.length;
    await notices.learn(['a', 'b', 'c']);
    expect(node.calls).toHaveLength(asked);
    now = 3_000;
    notices.tick();
    expect([notices.quiet, [...notices.muted]]).toEqual([null, [['b', 'always']]]);
  });
});
