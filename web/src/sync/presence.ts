import type { Awareness } from 'y-protocols/awareness';
import type { DocumentRole } from '../api/types';
import { isActive } from '../live/activity';
import type { RosterState } from '../live/roster';

/** A person who has the document open now, in one tab or several. */
export interface Present {
  id: string;
  name: string;
  /** The person who uses this page. */
  self: boolean;
}

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
  return [...people.values()].sort(inOrder);
}

/** Somebody who has the document open, and what is known of it. */
export interface Participant extends Present {
  /** Did something lately, or can't be told to be idle. */
  active: boolean;
  /** When they did something last, or null when the server hasn't told. */
  lastActive: string | null;
  /** What they may do at most, or null when the server hasn't told. */
  role: DocumentRole | null;
  /** In how many tabs, devices or programs; at least one. */
  places: number;
}

const strength: Record<DocumentRole, number> = { viewer: 0, commenter: 0, editor: 1, owner: 2 };

/**
 * Who is here, from both sources: the carets, which show people at once but only those who have one, and the server's
 * list, which also has those who only look, and those whose program has no caret. `now` is by the server's clock.
 */
export function participants(present: readonly Present[], roster: RosterState, now: number): Participant[] {
  const people = new Map<string, Participant>();
  for (const person of present) {
    people.set(person.id, { ...person, active: true, lastActive: null, role: null, places: 1 });
  }
  for (const { user, role, lastActive } of roster.editors) {
    const before = people.get(user.id);
    if (!before?.lastActive) {
      const self = before?.self ?? false;
      const name = before?.name ?? user.name;
      people.set(user.id, { id: user.id, name, self, active: true, lastActive, role, places: 1 });
      continue;
    }
    before.places++;
    if (Date.parse(lastActive) > Date.parse(before.lastActive)) before.lastActive = lastActive;
    if (before.role === null || strength[role] > strength[before.role]) before.role = role;
  }
  for (const person of people.values()) {
    // Whoever reads this is here.
    person.active = person.self || person.lastActive === null || isActive(person.lastActive, now);
  }
  return [...people.values()].sort(inOrder);
}

function inOrder(a: Present, b: Present): number {
  return Number(b.self) - Number(a.self) || a.name.localeCompare(b.name) || a.id.localeCompare(b.id);
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
