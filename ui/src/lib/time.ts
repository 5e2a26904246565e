// Times as people read them. Pure: the moment "now", the language and the time zone are given.
// Invariant: no function here looks at the clock.

/** Languages of the product. */
export type Locale = 'en' | 'ko';

const DAY_MS = 86_400_000;
const formats = new Map<string, Intl.DateTimeFormat>();

/** A formatter, made once: making one costs a hundred times more than using it. */
function format(locale: Locale, name: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${locale} ${name}`;
  let made = formats.get(key);
  if (made === undefined) {
    made = new Intl.DateTimeFormat(locale, options);
    formats.set(key, made);
  }
  return made;
}

/** The calendar day of a moment in the zone of this machine, as `2026-11-20`. */
export function dayKey(ms: number): string {
  const date = new Date(ms);
  const two = (n: number) => String(n).padStart(2, '0');
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** The minute of a moment; messages of one minute and sender stand together. */
export function minuteKey(ms: number): number {
  return Math.floor(ms / 60_000);
}

/** `오후 2:12`, `2:12 PM`. Engines disagree on 오전 and AM in Korean, so that half is written here. */
export function clockTime(ms: number, locale: Locale): string {
  if (locale === 'en') return format(locale, 'clock', { hour: 'numeric', minute: '2-digit' }).format(ms);
  const date = new Date(ms);
  const hour = date.getHours();
  return `${hour < 12 ? '오전' : '오후'} ${hour % 12 === 0 ? 12 : hour % 12}:${String(date.getMinutes()).padStart(2, '0')}`;
}

/** `14:02:07`, for the details of a message. */
export function preciseTime(ms: number, locale: Locale): string {
  return format(locale, 'precise', { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' }).format(ms);
}

/** `2026년 11월 20일 금요일`, for the line of a new day. */
export function dayLine(ms: number, locale: Locale): string {
  return format(locale, 'day', { year: 'numeric', month: 'long', day: 'numeric', weekday: 'long' }).format(ms);
}

/** `11월 20일 오후 2:12`, for the label of a message. */
export function fullTime(ms: number, locale: Locale): string {
  const date = format(locale, 'month-day', { month: 'long', day: 'numeric' }).format(ms);
  return locale === 'ko' ? `${date} ${clockTime(ms, locale)}` : `${date}, ${clockTime(ms, locale)}`;
}

/** Whole days of the calendar between two moments. */
export function daysBetween(earlier: number, later: number): number {
  const midnight = (ms: number) => {
    const date = new Date(ms);
    return Date.UTC(date.getFullYear(), date.getMonth(), date.getDate());
  };
  return Math.round((midnight(later) - midnight(earlier)) / DAY_MS);
}

/** Time of a row in a list: the clock today, then "yesterday", the weekday, the date. */
export function listTime(ms: number, now: number, locale: Locale): string {
  const days = daysBetween(ms, now);
  if (days <= 0) return clockTime(ms, locale);
  if (days === 1) return new Intl.RelativeTimeFormat(locale, { numeric: 'auto' }).format(-1, 'day');
  if (days < 7) return format(locale, 'weekday', { weekday: locale === 'ko' ? 'long' : 'short' }).format(ms);
  const sameYear = new Date(ms).getFullYear() === new Date(now).getFullYear();
  if (sameYear) return format(locale, 'date', { month: 'numeric', day: 'numeric' }).format(ms);
  return format(locale, 'year', { year: 'numeric', month: 'numeric', day: 'numeric' }).format(ms);
}
