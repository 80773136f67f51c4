import type { Present } from '../sync/presence';
import { Avatar } from '../ui/avatar';

/** How many avatars fit the bar; the others are counted. */
const most = 5;

/** Who has the document open now. */
export function PresenceBar({ people }: { people: Present[] }) {
  const shown = people.length > most ? people.slice(0, most - 1) : people;
  const others = people.slice(shown.length);
  return (
    <ul className="presence" aria-label="Here now" data-testid="presence">
      {shown.map((person) => (
        <li key={person.id} data-user={person.name}>
          <Avatar id={person.id} name={person.name} title={person.self ? `${person.name} (you)` : person.name} />
          <span className="visually-hidden">{person.self ? `${person.name}, you` : person.name}</span>
        </li>
      ))}
      {others.length > 0 ? (
        <li>
          <span className="avatar avatar-more" title={others.map((person) => person.name).join(', ')}>
            +{others.length}
          </span>
        </li>
      ) : null}
    </ul>
  );
}
