import type { Awareness } from 'y-protocols/awareness';

/** The person whose caret the page keeps in sight. */
export interface Followed {
  id: string;
  name: string;
  /** Their caret is in the text now. */
  present: boolean;
}

/** Brings a person's caret into sight; false when they have none in the text. */
export type Reveal = (userId: string) => boolean;

/**
 * Keeps one person's caret in sight, until told otherwise. Awareness says when it moves; where it is and how to get
 * there is the business of whatever shows the text.
 */
export class Follow {
  readonly #awareness: Awareness;
  readonly #listeners = new Set<() => void>();
  #followed: Followed | null = null;
  #reveal: Reveal | null = null;
  #frame = 0;

  constructor(awareness: Awareness) {
    this.#awareness = awareness;
  }

  readonly snapshot = (): Followed | null => this.#followed;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => {
      this.#listeners.delete(listener);
    };
  };

  /** Takes the text in which carets are shown; the returned function ends that. */
  attach(reveal: Reveal): () => void {
    this.#reveal = reveal;
    this.#awareness.on('change', this.#moved);
    return () => {
      this.#awareness.off('change', this.#moved);
      this.#reveal = null;
      this.stop();
    };
  }

  start(id: string, name: string): void {
    this.#set({ id, name, present: true });
    this.#look();
  }

  readonly stop = (): void => {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
    this.#set(null);
  };

  // Carets are drawn after awareness has told of them: two frames later they are where they belong.
  readonly #moved = (): void => {
    if (this.#followed === null || this.#frame !== 0) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = requestAnimationFrame(() => {
        this.#frame = 0;
        this.#look();
      });
    });
  };

  #look(): void {
    if (this.#followed === null) return;
    const present = this.#reveal?.(this.#followed.id) ?? false;
    if (present !== this.#followed.present) this.#set({ ...this.#followed, present });
  }

  #set(next: Followed | null): void {
    if (next === this.#followed) return;
    this.#followed = next;
    for (const listener of this.#listeners) listener();
  }
}

/** Scrolls an element to the middle of the window, unless it is comfortably inside already. */
export function bringIntoSight(element: Element): void {
  const { top, bottom } = element.getBoundingClientRect();
  if (top > window.innerHeight * 0.2 && bottom < window.innerHeight * 0.8) return;
  const still = window.matchMedia('(prefers-reduced-motion: reduce)').matches;
  element.scrollIntoView({ block: 'center', behavior: still ? 'instant' : 'smooth' });
}
