// Korean particles, whose form depends on the sound before them. Pure; knows no message.
// Invariant: the text before the particle is never changed.

/** A particle in its two forms: after a final consonant, and after a vowel. */
export type Particle = '이/가' | '을/를' | '은/는' | '과/와' | '으로/로' | '이라고/라고' | '이에요/예요';

const HANGUL_FIRST = 0xac00;
const HANGUL_LAST = 0xd7a3;
const FINALS = 28;
/** Index of ㄹ among the final consonants; 으로 becomes 로 after it. */
const RIEUL = 8;

/** How digits are read: 영 일 이 삼 사 오 육 칠 팔 구, as index of the final consonant. */
const DIGIT_FINALS = [21, 8, 0, 16, 0, 0, 1, 8, 8, 0];

/** Letters whose Korean name or usual reading ends in a consonant: l → 엘, m → 엠, n → 엔, r → 알. */
const LETTER_FINALS: Record<string, number> = { l: 8, r: 8, m: 16, n: 4, b: 17, c: 1, d: 7, g: 1, k: 1, p: 17, q: 1, t: 7 };

/** Index of the final consonant with which `text` ends, 0 for a vowel. */
function final(text: string): number {
  const last = [...text].filter((c) => /[\p{L}\p{N}]/u.test(c)).at(-1);
  if (last === undefined) return 0;
  const code = last.codePointAt(0) ?? 0;
  if (code >= HANGUL_FIRST && code <= HANGUL_LAST) return (code - HANGUL_FIRST) % FINALS;
  if (/[0-9]/.test(last)) return DIGIT_FINALS[Number(last)] ?? 0;
  return LETTER_FINALS[last.toLowerCase()] ?? 0;
}

/** `text` with the form of `particle` that its sound asks for. */
export function josa(text: string, particle: Particle): string {
  const [closed = '', open = ''] = particle.split('/');
  const end = final(text);
  if (particle === '으로/로' && end === RIEUL) return text + open;
  return text + (end === 0 ? open : closed);
}
