import { activityOf } from '../live/activity';
import type { RosterState } from '../live/roster';
import { participants, type Participant, type Present } from '../sync/presence';
import { Avatar } from '../ui/avatar';
import { Popover } from '../ui/popover';
import { useNow } from '../ui/useNow';

/** How many avatars fit the bar; the others are counted. */
const most = 5;

const onlyThisServer = 'Only people connected to this server are shown right now';

function called(person: Present): string {
  return person.self ? `${person.name} (you)` : person.name;
}

function doing({ self, role, lastActive, active, places }: Participant, now: number): string {
  const words: string[] = [];
  if (role) words.push(role === 'owner' || role === 'editor' ? 'Can edit' : 'View only');
  if (!self && lastActive) words.push(active ? 'active now' : activityOf(lastActive, now));
  if (places > 1) words.push(`open ${places} times`);
  return words.join(' · ');
}

/** Who has the document open now, on any server. */
export function PresenceBar({ present, roster }: { present: Present[]; roster: RosterState }) {
  const now = useNow(15_000) + roster.ahead;
  const people = participants(present, roster, now);
  const shown = people.length > most ? people.slice(0, most - 1) : people;
  const more = people.length - shown.length;
  const partial = roster.known && !roster.complete;
  const count = people.length === 1 ? '1 person here' : `${people.length} people here`;
  return (
    <>
      <Popover
        label="Here now"
        className="presence"
        testId="presence"
        triggerClass="presence-faces"
        triggerLabel={`${count}: ${people.map(called).join(', ')}`}
        trigger={
          <>
            {partial ? (
              <span className="presence-partial" title={onlyThisServer} aria-hidden="true">
                !
              </span>
            ) : null}
            {shown.map((person) => (
              <span key={person.id} className="presence-face" data-user={person.name} data-active={person.active}>
                <Avatar id={person.id} name={person.name} title={called(person)} />
              </span>
            ))}
            {more > 0 ? <span className="avatar avatar-more">+{more}</span> : null}
          </>
        }
      >
        {() => (
          <>
            <h2 className="presence-head">
              Here now <span className="quiet">{people.length}</span>
            </h2>
            {partial ? <p className="presence-scope">{onlyThisServer}.</p> : null}
            <ul className="presence-list" data-testid="presence-list">
              {people.map((person) => (
                <li key={person.id} data-active={person.active}>
                  <span className="presence-face" data-active={person.active}>
                    <Avatar id={person.id} name={person.name} />
                  </span>
                  <span className="presence-who">
                    <span className="presence-name">{called(person)}</span>
                    <span className="presence-doing">{doing(person, now)}</span>
                  </span>
                </li>
              ))}
            </ul>
          </>
        )}
      </Popover>
      <span className="visually-hidden" role="status" data-testid="presence-scope">
        {partial ? onlyThisServer : ''}
      </span>
    </>
  );
}
