// Words for how long something is quiet.

import { m } from '../../lib/paraglide/messages.js';
import type { Span } from './store.svelte';

const NAMES: Record<Span, () => string> = { hour: m.notices_span_hour, hours: m.notices_span_hours, day: m.notices_span_day, always: m.notices_span_always };

/** What a span is called. */
export function spanName(span: Span): string {
  return NAMES[span]();
}
