import { describe, expect, it } from 'vitest';
import { Refresh } from './refresh';

describe('refresh', () => {
  it('runs once more for everybody who asked while it ran', async () => {
    let fetches = 0;
    let release = () => {};
    const refresh = new Refresh(() => {
      fetches += 1;
      return fetches === 1 ? new Promise<void>((resolve) => (release = resolve)) : Promise.resolve();
    });
    const first = refresh.ask();
    const others = [refresh.ask(), refresh.ask(), refresh.ask()];
    release();
    await Promise.all([first, ...others]);
    expect(fetches).toBe(2);
  });

  it('can be asked again after a failure', async () => {
    let fetches = 0;
    const refresh = new Refresh(async () => {
      fetches += 1;
      if (fetches === 1) throw new Error('no node');
    });
    await expect(refresh.ask()).rejects.toThrow('no node');
    await refresh.ask();
    expect(fetches).toBe(2);
  });
});
