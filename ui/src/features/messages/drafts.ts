// What a conversation needs of whoever keeps drafts. It must not know where they are kept.

/** Text that was typed and not sent, by room. */
export interface Drafts {
  /** What stands in the field of a room; empty when nothing does. */
  of: (room: string) => string;
  /** Keeps what stands in the field of a room. */
  keep: (room: string, text: string) => void;
}
