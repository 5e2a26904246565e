import { describe, expect, it } from 'vitest';
import { clockTime, dayKey, dayLine, daysBetween, fullTime, listTime, minuteKey, preciseTime } from './time';

const at = (text: string) => new Date(text).getTime();
const now = at('2026-11-20T14:30:00');

describe('times', () => {
  it('writes the clock in both languages', () => {
    expect(clockTime(at('2026-11-20T14:12:00'), 'ko')).toBe('오후 2:12');
    expect(clockTime(at('2026-11-20T14:12:00'), 'en').replace(/\s/g, ' ')).toBe('2:12 PM');
    expect(clockTime(at('2026-11-20T00:05:00'), 'ko')).toBe('오전 12:05');
    expect(clockTime(at('2026-11-20T12:00:00'), 'ko')).toBe('오후 12:00');
    expect(fullTime(at('2026-11-20T14:12:00'), 'ko')).toBe('11월 20일 오후 2:12');
    expect(preciseTime(at('2026-11-20T00:02:07'), 'ko')).toBe('00:02:07');
  });

  it('writes the line of a day', () => {
    expect(dayLine(now, 'ko')).toBe('2026년 11월 20일 금요일');
    expect(dayLine(now, 'en')).toBe('Friday, November 20, 2026');
  });

  it('shortens the time of a row with its age', () => {
    expect(listTime(at('2026-11-20T00:01:00'), now, 'ko')).toBe('오전 12:01');
    expect(listTime(at('2026-11-19T23:59:00'), now, 'ko')).toBe('어제');
    expect(listTime(at('2026-11-19T23:59:00'), now, 'en')).toBe('yesterday');
    expect(listTime(at('2026-11-17T10:00:00'), now, 'ko')).toBe('화요일');
    expect(listTime(at('2026-11-13T10:00:00'), now, 'ko')).toBe('11. 13.');
    expect(listTime(at('2025-11-13T10:00:00'), now, 'ko')).toBe('2025. 11. 13.');
  });

  it('shows the clock for a message from a clock that is ahead', () => {
    expect(listTime(at('2026-11-21T00:10:00'), now, 'ko')).toBe('오전 12:10');
  });

  it('counts days by the calendar and minutes by the clock', () => {
    expect(daysBetween(at('2026-11-19T23:59:59'), at('2026-11-20T00:00:01'))).toBe(1);
    expect(dayKey(at('2026-01-02T03:04:05'))).toBe('2026-01-02');
    expect(minuteKey(at('2026-11-20T14:12:00'))).toBe(minuteKey(at('2026-11-20T14:12:59')));
    expect(minuteKey(at('2026-11-20T14:12:59'))).not.toBe(minuteKey(at('2026-11-20T14:13:00')));
  });
});
