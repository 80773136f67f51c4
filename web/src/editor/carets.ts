import type { Awareness } from 'y-protocols/awareness';
import { t } from '../i18n';
import { colourOf } from '../ui/colour';

/** How long a caret shows its name after it moved, in milliseconds. */
const named = 2500;

export function text(value: unknown, otherwise: string): string {
  return typeof value === 'string' && value ? value : otherwise;
}

/** Another person's caret. Its colour is by account, not by what the other side claims: one colour on all screens. */
export function caret(user: Record<string, unknown>): HTMLElement {
  const id = text(user.id, '');
  const colour = colourOf(id);
  const mark = document.createElement('span');
  mark.className = 'caret';
  mark.style.borderColor = colour;
  mark.dataset.testid = 'caret';
  mark.dataset.user = id;
  const label = document.createElement('span');
  label.className = 'caret-name';
  label.style.backgroundColor = colour;
  label.textContent = text(user.name, t('editor.people.somebody'));
  mark.append(label);
  return mark;
}

/** The carets of a person in a text: one a tab. */
export function caretsOf(surface: Element, userId: string): HTMLElement[] {
  return [...surface.querySelectorAll<HTMLElement>(`.caret[data-user="${CSS.escape(userId)}"]`)];
}

/** Shows the names of carets that move, and takes them back when they rest: a name covers what is written above. */
export function nameMovingCarets(awareness: Awareness, surface: Element): () => void {
  const resting = new Map<string, number>();
  const look = ({ added, updated }: { added: number[]; updated: number[] }) => {
    for (const client of [...added, ...updated]) {
      const user: unknown = awareness.getStates().get(client)?.user;
      const id = text((user as Record<string, unknown> | undefined)?.id, '');
      if (client === awareness.clientID || id === '') continue;
      window.clearTimeout(resting.get(id));
      for (const mark of caretsOf(surface, id)) mark.classList.remove('caret-resting');
      const rest = () => {
        resting.delete(id);
        for (const mark of caretsOf(surface, id)) mark.classList.add('caret-resting');
      };
      resting.set(id, window.setTimeout(rest, named));
    }
  };
  awareness.on('change', look);
  return () => {
    awareness.off('change', look);
    for (const timer of resting.values()) window.clearTimeout(timer);
  };
}
