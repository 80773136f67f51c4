import type { WebsocketProvider } from 'y-websocket';

/** A person who has the document open now, in one tab or several. */
export interface Present {
  id: string;
  name: string;
  /** The person who uses this page. */
  self: boolean;
}

type Awareness = WebsocketProvider['awareness'];

function readUser(state: Record<string, unknown>): { id: string; name: string } | null {
  const user = state.user;
  if (typeof user !== 'object' || user === null) return null;
  const { id, name } = user as Record<string, unknown>;
  return typeof id === 'string' && typeof name === 'string' ? { id, name } : null;
}

/**
 * Who is here, one entry a person however many tabs they have: oneself first, then by name. The server writes `user.id`
 * and `user.name` of everybody else's state, so they can be believed.
 */
export function presentIn(states: Map<number, Record<string, unknown>>, self: { id: string; name: string }): Present[] {
  const people = new Map<string, Present>([[self.id, { ...self, self: true }]]);
  for (const state of states.values()) {
    const user = readUser(state);
    if (user && !people.has(user.id)) people.set(user.id, { ...user, self: false });
  }
  return [...people.values()].sort(
    (a, b) => Number(b.self) - Number(a.self) || a.name.localeCompare(b.name) || a.id.localeCompare(b.id),
  );
}

/** Watches who is here; `snapshot` answers the same array until somebody comes, goes or is renamed. */
export class PresenceList {
  readonly #awareness: Awareness;
  readonly #self: { id: string; name: string };
  #people: Present[];

  constructor(awareness: Awareness, self: { id: string; name: string }) {
    this.#awareness = awareness;
    this.#self = self;
    this.#people = presentIn(awareness.getStates(), self);
  }

  readonly snapshot = (): Present[] => this.#people;

  readonly subscribe = (listener: () => void): (() => void) => {
    const look = () => {
      const next = presentIn(this.#awareness.getStates(), this.#self);
      if (JSON.stringify(next) === JSON.stringify(this.#people)) return;
      this.#people = next;
      listener();
    };
    this.#awareness.on('change', look);
    look();
    return () => {
      this.#awareness.off('change', look);
    };
  };
}
