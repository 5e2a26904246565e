// Marks what is looked for in texts on screen without touching them (CSS Custom Highlight API).
// Invariant: the page's elements and texts stay as they are, so that selection and screen readers notice nothing.

import { markText } from './mark';

/** Name of the highlight; the style sheet gives it its colour. */
const NAME = 'found';

/** The marked stretches of an element's text, which may lie in several text nodes. */
export function rangesIn(element: Element, query: string): Range[] {
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  const nodes: Text[] = [];
  while (walker.nextNode() !== null) nodes.push(walker.currentNode as Text);
  const text = nodes.map((node) => node.data).join('');
  // Offsets are those of NFC; a text in another form is found and jumped to, only not marked.
  if (text.normalize('NFC') !== text) return [];
  const place = (offset: number): [Text, number] | null => {
    let left = offset;
    for (const node of nodes) {
      if (left <= node.length) return [node, left];
      left -= node.length;
    }
    return null;
  };
  const ranges: Range[] = [];
  let at = 0;
  for (const piece of markText(query, text)) {
    const [from, to] = [place(at), place(at + piece.text.length)];
    if (piece.marked && from !== null && to !== null) {
      const range = document.createRange();
      range.setStart(...from);
      range.setEnd(...to);
      ranges.push(range);
    }
    at += piece.text.length;
  }
  return ranges;
}

/** Marks `query` in every text below `root`; an empty query takes all marks away. */
export function highlight(root: ParentNode, query: string): void {
  // Engines without it show no marks; the hit itself is still jumped to.
  if (!('highlights' in CSS)) return;
  const texts = query.trim() === '' ? [] : [...root.querySelectorAll('.message-text')];
  const ranges = texts.flatMap((element) => rangesIn(element, query));
  if (ranges.length === 0) CSS.highlights.delete(NAME);
  else CSS.highlights.set(NAME, new Highlight(...ranges));
}
