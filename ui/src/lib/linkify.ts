// Finds links in the text of a message. Pure; the text itself is only ever shown as text nodes.
// Invariant: the pieces joined are the text again, and every address is http, https, mailto or madang.

/** A piece of a text: plain, a link of the outside world, or an invite of ours. */
export interface Segment {
  kind: 'text' | 'link' | 'invite';
  text: string;
}

/** Links found in one text; a wall of links is shown as text behind that. */
const LINKS_MAX = 100;

const CANDIDATE = /(?:https?:\/\/|mailto:|madang:\/\/)[^\s<>"'`\u3000]+/giu;
/** Characters that usually belong to the sentence and not to the link when they stand at its end. */
const TRAILING = /[.,:;!?…。、！？'"’”*_~]$/u;
const PAIRS: Record<string, string> = { ')': '(', ']': '[', '}': '{' };

function count(text: string, letter: string): number {
  return text.split(letter).length - 1;
}

/** Cuts what belongs to the sentence off the end of a link. */
function trimEnd(candidate: string): string {
  let link = candidate;
  for (;;) {
    const last = link.at(-1) ?? '';
    const open = PAIRS[last];
    const unbalanced = open !== undefined && count(link, last) > count(link, open);
    if (!TRAILING.test(link) && !unbalanced) return link;
    link = link.slice(0, -1);
  }
}

/** Whether something follows the scheme. A particle such as 을 right behind a link is cut by `hostEnd`. */
function isWhole(link: string): boolean {
  const rest = link.replace(/^(?:https?:\/\/|mailto:|madang:\/\/)/iu, '');
  return rest.length > 0 && /[\p{L}\p{N}]/u.test(rest);
}

/** Korean particles are written without a space behind a link; right behind a host they are no part of it. */
function hostEnd(candidate: string): string {
  const host = /^(?:https?:\/\/|mailto:|madang:\/\/)[^/?#]*/iu.exec(candidate)?.[0] ?? '';
  const hangul = host.search(/[\uac00-\ud7a3]/u);
  if (hangul < 0) return candidate;
  const head = candidate.slice(0, hangul);
  return isWhole(head) ? head : candidate;
}

/** `text` in pieces. */
export function linkify(text: string): Segment[] {
  const segments: Segment[] = [];
  let from = 0;
  let links = 0;
  for (const match of text.matchAll(CANDIDATE)) {
    const link = trimEnd(hostEnd(match[0]));
    if (links >= LINKS_MAX || !isWhole(link)) continue;
    if (match.index > from) segments.push({ kind: 'text', text: text.slice(from, match.index) });
    segments.push({ kind: /^madang:/iu.test(link) ? 'invite' : 'link', text: link });
    from = match.index + link.length;
    links += 1;
  }
  if (from < text.length) segments.push({ kind: 'text', text: text.slice(from) });
  return segments;
}
