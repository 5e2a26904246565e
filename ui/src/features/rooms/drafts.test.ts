import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Client } from '../../lib/api/client';
import { emptySeed, FakeNode } from '../../lib/api/fake';
import { Drafts, KEEP_AFTER_MS } from './drafts.svelte';

let node: FakeNode;
let drafts: Drafts;
const fail = vi.fn();
const saved = () => node.calls.flatMap((call) => (call.method === 'setting_set' ? [call.params] : []));
const fresh = () => new Drafts(new Client(node), fail);

beforeEach(() => {
  vi.useFakeTimers();
  fail.mockReset();
  node = new FakeNode({ ...emptySeed(), home: 'running' }, () => 0);
  drafts = fresh();
});

afterEach(() => vi.useRealTimers());

describe('drafts', () => {
  it('are kept once the typing rests, and are there after a restart', async () => {
    drafts.keep('a', '감');
    drafts.keep('a', '감귤');
    expect(drafts.of('a')).toBe('감귤');
    expect(saved()).toEqual([]);
    await vi.advanceTimersByTimeAsync(KEEP_AFTER_MS);
    expect(saved()).toEqual([{ key: 'draft.a', value: '감귤' }]);
    const later = fresh();
    await later.learn(['a', 'b']);
    expect([later.of('a'), later.of('b')]).toEqual(['감귤', '']);
  });

  it('never come back once they are sent', async () => {
    drafts.keep('a', 'sent at once');
    drafts.keep('a', '');
    await vi.advanceTimersByTimeAsync(KEEP_AFTER_MS);
    expect(saved()).toEqual([]);
    drafts.keep('a', 'kept');
    await vi.advanceTimersByTimeAsync(KEEP_AFTER_MS);
    drafts.keep('a', '');
    expect(saved().at(-1)).toEqual({ key: 'draft.a', value: null });
  });

  it('on screen are not replaced, and a window that goes keeps what waits', async () => {
    drafts.keep('a', 'old');
    drafts.flush();
    expect(saved()).toEqual([{ key: 'draft.a', value: 'old' }]);
    const later = fresh();
    later.keep('a', 'new');
    await later.learn(['a']);
    expect(later.of('a')).toBe('new');
    const gone = fresh();
    gone.keep('a', 'x');
    gone.keep('a', '');
    await gone.learn(['a']);
    expect(gone.of('a')).toBe('old');
  });

  it('that cannot be kept are told', async () => {
    node.failures.set('setting_set', 'disk_full');
    drafts.keep('a', 'text');
    drafts.flush();
    await vi.advanceTimersByTimeAsync(0);
    expect(fail).toHaveBeenCalledWith(expect.objectContaining({ code: 'disk_full' }));
    expect(drafts.of('a')).toBe('text');
  });
});
